"""Policies side by side: each in % of uniform choice's regret, beside the best peer and `point`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.learning.runs import Played
from bench.learning.settings import Setting
from bench.seed_statistics import mean_of


@dataclass(frozen=True)
class Difference:
    """How much more regret than another policy on the same seeds."""

    difference: float
    interval: list[float]


@dataclass(frozen=True)
class ComparisonRow:
    """Regret of a policy in % of uniform choice's."""

    regret_percent: float
    interval: list[float]
    """Of 95%; NaN from one seed."""
    by_seed: list[float]
    by_tenth: list[float]
    """In ten parts of the run, mean over seeds."""
    setting: Setting
    """That it was tuned to."""
    beside_point: Difference | None = None
    """Of our heads alone."""
    ratio_to_best_peer: float | None = None
    beside_best_peer: Difference | None = None

    @classmethod
    def of(cls, results: Sequence[Played], setting: Setting) -> "ComparisonRow":
        """Over the runs of several seeds."""
        percents = np.array([result.percent for result in results])
        tenths = [100 * np.array(result.tenths) / result.uniform for result in results]
        mean, interval = _interval(percents)
        by_tenth = np.mean(tenths, 0).round(3).tolist()
        return cls(mean, interval, percents.round(3).tolist(), by_tenth, setting)

    def beside(self, other: "ComparisonRow") -> Difference:
        """How much more regret than another policy."""
        return Difference(*_interval(np.array(self.by_seed) - np.array(other.by_seed)))


@dataclass(frozen=True)
class LearnerComparison:
    """All rows, and the best of ours and of the peers; None where none played."""

    policies: dict[str, ComparisonRow]
    best_peer: str | None
    best_ours: str | None
    ratio_to_best_peer: float | None
    """Of our best."""


def compared(
    rows: Mapping[str, ComparisonRow], ours: Sequence[str], peers: Sequence[str]
) -> LearnerComparison:
    """Set rows beside the best peer, the one of least mean regret, and our heads beside `point`."""
    rows = dict(rows)
    mine = [name for name in ours if name in rows]
    point = rows.get("point")
    for name in mine:
        if point is not None and name != "point":
            rows[name] = replace(rows[name], beside_point=rows[name].beside(point))
    best_peer, best_ours = _best(rows, peers), _best(rows, ours)
    if best_peer is None:
        return LearnerComparison(rows, None, best_ours, None)
    best = rows[best_peer]
    for name, row in rows.items():
        rows[name] = replace(
            row,
            ratio_to_best_peer=round(row.regret_percent / best.regret_percent, 3),
            beside_best_peer=row.beside(best) if row is not best else None,
        )
    ratio = rows[best_ours].ratio_to_best_peer if best_ours else None
    return LearnerComparison(rows, best_peer, best_ours, ratio)


def _best(rows: Mapping[str, ComparisonRow], names: Sequence[str]) -> str | None:
    played = [name for name in names if name in rows]
    return min(played, key=lambda name: rows[name].regret_percent, default=None)


def _interval(values: np.ndarray) -> tuple[float, list[float]]:
    """Mean, and Student's 95% interval of it; no interval from one value."""
    if len(values) == 1:
        return round(float(values[0]), 3), [float("nan")] * 2
    mean = mean_of(values.tolist())
    return round(mean.mean, 3), [round(edge, 3) for edge in mean.interval]
