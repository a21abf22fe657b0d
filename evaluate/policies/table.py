"""Values of policies as tables in a terminal."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from evaluate.ope.estimate import Estimate
from evaluate.ope.paired_bootstrap import Range

if TYPE_CHECKING:
    from evaluate.policies.judge import Judgement


def show(found: "Judgement", decisions: int, estimator: str) -> None:
    """Values, lift over random, lift by segment, and what speaks against believing them."""
    console = Console()
    estimators = list(next(iter(found.values.values())))
    table = Table("policy", *estimators, *(["true"] if found.truth else []), "over random")
    for name, estimates in found.values.items():
        true = [f"{found.truth[name]:.4f}"] if found.truth else []
        table.add_row(
            _short(name), *(_estimate(estimates[e]) for e in estimators), *true,
            _percent(found.lift[name]["relative"]),
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{decisions:,} decisions; the logging policy earned {found.logged.value:.4f}, "
        f"{_between(found.logged)}; lift by {estimator}; * where a warning stands against it"
    )
    for way, parts in found.segments.items():
        table = Table(way.replace("_", " "), "decisions", *map(_short, found.values))
        for part, said in parts.items():
            lifts = [_percent(said["policies"][name]["relative"]) for name in found.values]
            table.add_row(part, f"{said['decisions']:,}", *lifts)
        console.print(table)
    for words, about in _warnings(found.values).items():
        console.print(f"[yellow]{', '.join(about)}[/yellow]: {words}")


def _warnings(values: Mapping[str, Mapping[str, Estimate]]) -> dict[str, list[str]]:
    """Each warning once, with the policies and estimators it is about; not what always holds."""
    words: dict[str, list[str]] = {}
    for policy, estimates in values.items():
        for name, made in estimates.items():
            for said in made.warnings:
                if name != "dm":
                    words.setdefault(said, []).append(f"{policy} {name}")
    return words


def _estimate(made: Estimate) -> str:
    star = "" if made.believable else "*"
    return f"{made.value:.4f}{star}\n{made.low:.4f} … {made.high:.4f}"


def _short(name: str) -> str:
    """A bundle by the last part of its path."""
    return PurePath(name).name


def _between(found: Range) -> str:
    return f"{found.low:.4f} … {found.high:.4f}"


def _percent(found: Range) -> str:
    if not np.isfinite(found.value):
        return "unknown"
    if found == (0, 0, 0):
        return "—"
    return f"{found.value:+.1%}\n{found.low:+.1%} … {found.high:+.1%}"
