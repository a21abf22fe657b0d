"""Values of policies as tables in a terminal."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from evaluate.ope.estimate import Estimate
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.judgement import Judgement


def show(judgement: Judgement) -> None:
    """Values, lift over random, lift by segment, and what speaks against believing them."""
    console = Console()
    policies, truth = judgement.policies, judgement.truth
    names = list(dict.fromkeys(name for estimates in policies.values() for name in estimates))
    table = Table(
        *("policy", *estimator_columns(names, judgement.read)),
        *(["true"] if truth else []),
        "over random",
    )
    for name, estimates in policies.items():
        cells = [estimate_cell(estimates.get(e)) for e in led_by(judgement.read, names)]
        cells += [f"{truth[name]:.4f}"] if truth else []
        table.add_row(
            judgement.labels[name], *cells, _percent(judgement.lift_over_random[name].relative)
        )
    console.print(table)
    console.print(
        f"{judgement.decisions:,} decisions; as shown they earned "
        f"{judgement.logged.value:.4f} a draw, {_between(judgement.logged)}"
        f"{_an_impression(judgement)}; lift by {judgement.estimator}"
    )
    labelled = {judgement.labels[name]: estimates for name, estimates in policies.items()}
    for words in verdict_lines(labelled, judgement.read):
        console.print(words)
    for way, parts in judgement.segments.items():
        if len(parts) < 2:
            continue  # it says what the whole log says
        table = Table(way.replace("_", " "), "decisions", *labelled)
        for part, lifts in parts.items():
            cells = [_percent(lifts.policies[name].relative) for name in policies]
            table.add_row(part, f"{lifts.decisions:,}", *cells)
        console.print(table)
    for words in judgement.support.words():
        console.print(f"[yellow]log[/yellow]: {words}")
    for words, about in _warnings(labelled).items():
        console.print(f"[yellow]{about}[/yellow]: {words}")


def value_table(
    values: Mapping[str, Mapping[str, Estimate]], read: str, title: str | None = None
) -> Table:
    """A row a policy, a column an estimator, led by the one to read; for a wide terminal."""
    names = list(dict.fromkeys(name for estimates in values.values() for name in estimates))
    table = Table("policy", *estimator_columns(names, read), title=title)
    for policy, estimates in values.items():
        cells = (estimate_cell(estimates.get(e)) for e in led_by(read, names))
        table.add_row(policy, *(cell.replace("\n", " ", 1) for cell in cells))
    return table


def _an_impression(judgement: Judgement) -> str:
    """What it earned an impression, where these were counted."""
    if judgement.impressions is None or judgement.logged_an_impression is None:
        return ""
    pages = judgement.impressions / judgement.decisions
    return f", and {judgement.logged_an_impression:.4f} an impression ({pages:.2f} a draw)"


def led_by(read: str, estimators: Iterable[str]) -> list[str]:
    """Estimators in the order of a table: the one to read, then the others."""
    return [read, *(name for name in estimators if name != read)]


def estimator_columns(estimators: Iterable[str], read: str) -> list[Column]:
    """A column an estimator, led by the one to read; the others are dimmed."""
    return [
        Column(name, style="bold" if name == read else "dim") for name in led_by(read, estimators)
    ]


def estimate_cell(estimate: Estimate | None) -> str:
    """Value, interval and verdict; a dash where the estimator may not judge the policy."""
    if estimate is None:
        return "—"
    return f"{estimate.value:.4f}\n{estimate.between()}\n{estimate.verdict}"


def verdict_lines(policies: Mapping[str, Mapping[str, Estimate]], read: str) -> list[str]:
    """The verdict on what is to be read and its reason, once for the policies that share it."""
    about: dict[tuple[str, str], list[str]] = {}
    for policy, estimates in policies.items():
        one = estimates[read]
        about.setdefault((one.verdict, one.reason), []).append(policy)
    return [
        f"read {read} of {', '.join(names)}: {verdict} ({reason})"
        for (verdict, reason), names in about.items()
    ]


def _warnings(policies: Mapping[str, Mapping[str, Estimate]]) -> dict[str, str]:
    """Each warning once, with the policies and estimators it is about."""
    about: dict[str, list[tuple[str, str]]] = {}
    for policy, estimates in policies.items():
        for name, estimate in estimates.items():
            for words in estimate.warnings:
                about.setdefault(words, []).append((policy, name))
    every = {(policy, name) for policy, estimates in policies.items() for name in estimates}
    return {words: _about(who, every) for words, who in about.items()}


def _about(who: Sequence[tuple[str, str]], every: Collection[tuple[str, str]]) -> str:
    """Estimates in few words: all of them, all of an estimator's, or by policy."""
    names = dict.fromkeys(name for _, name in who)
    whole = [n for n in names if all((p, n) in who for p, other in every if other == n)]
    if len(whole) == len(names):
        alone = {name for _, name in every}
        return "every estimate" if alone - {"dm"} <= set(whole) else f"every {' and '.join(whole)}"
    return ", ".join(f"{policy} {name}" for policy, name in who)


def _between(interval: Range) -> str:
    return f"{interval.low:.4f} … {interval.high:.4f}"


def _percent(gain: Range) -> str:
    if not np.isfinite(gain.value):
        return "unknown"
    if gain == (0, 0, 0):
        return "—"
    high = f"{gain.high:+.1%}" if np.isfinite(gain.high) else "∞"
    return f"{gain.value:+.1%}\n{gain.low:+.1%} … {high}"
