"""Values of policies as tables in a terminal."""

from collections.abc import Mapping
from pathlib import PurePath

import numpy as np
from rich.console import Console
from rich.table import Table

from evaluate.ope.estimate import Estimate
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.judgement import Judgement


def show(judgement: Judgement) -> None:
    """Values, lift over random, lift by segment, and what speaks against believing them."""
    console = Console()
    policies, truth = judgement.policies, judgement.truth
    estimators = list(next(iter(policies.values())))
    table = Table("policy", *estimators, *(["true"] if truth else []), "over random")
    for name, estimates in policies.items():
        cells = [_estimate(estimates[e]) for e in estimators]
        cells += [f"{truth[name]:.4f}"] if truth else []
        table.add_row(_short(name), *cells, _percent(judgement.lift_over_random[name].relative))
    console.print(table)
    console.print(
        f"{judgement.decisions:,} decisions; the logging policy earned "
        f"{judgement.logged.value:.4f}, {_between(judgement.logged)}; lift by "
        f"{judgement.estimator}; * where a warning stands against it"
    )
    for way, parts in judgement.segments.items():
        table = Table(way.replace("_", " "), "decisions", *map(_short, policies))
        for part, lifts in parts.items():
            cells = [_percent(lifts.policies[name].relative) for name in policies]
            table.add_row(part, f"{lifts.decisions:,}", *cells)
        console.print(table)
    for words in judgement.support.words():
        console.print(f"[yellow]log[/yellow]: {words}")
    for words, about in _warnings(policies).items():
        console.print(f"[yellow]{', '.join(about)}[/yellow]: {words}")


def _warnings(policies: Mapping[str, Mapping[str, Estimate]]) -> dict[str, list[str]]:
    """Each warning once, with the policies and estimators it is about; not what always holds."""
    about: dict[str, list[str]] = {}
    for policy, estimates in policies.items():
        for name, estimate in estimates.items():
            for words in estimate.warnings:
                if name != "dm":
                    about.setdefault(words, []).append(f"{policy} {name}")
    return about


def _estimate(estimate: Estimate) -> str:
    star = "" if estimate.believable else "*"
    return f"{estimate.value:.4f}{star}\n{estimate.low:.4f} … {estimate.high:.4f}"


def _short(name: str) -> str:
    """A bundle by the last part of its path."""
    return PurePath(name).name


def _between(interval: Range) -> str:
    return f"{interval.low:.4f} … {interval.high:.4f}"


def _percent(gain: Range) -> str:
    if not np.isfinite(gain.value):
        return "unknown"
    if gain == (0, 0, 0):
        return "—"
    high = f"{gain.high:+.1%}" if np.isfinite(gain.high) else "∞"
    return f"{gain.value:+.1%}\n{gain.low:+.1%} … {high}"
