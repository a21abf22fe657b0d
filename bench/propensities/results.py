"""What logs that were lived through say together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from bandit.draws import Epochs
from bench.propensities.audience import Sums
from bench.propensities.estimates import ESTIMATORS, Answers, LogEstimates, coverage
from bench.seed_statistics import SeedMean, mean_of, ratio_of


class OneLog(NamedTuple):
    """What became of one log."""

    estimates: LogEstimates | None
    changed: float
    """Share of the titles of members whose artwork precompute changed on a day."""
    takes: Sums


@dataclass(frozen=True)
class MeanWeight:
    """Of the uniform policy on one day and level; 1 where propensities are true."""

    day: int
    level: str
    mean: float
    interval: tuple[float, float]
    """Of 99%, over logs."""
    rows: int


@dataclass(frozen=True)
class Judged:
    """An estimator on a policy, over logs."""

    policy: str
    estimator: str
    coverage: float
    """Share of 95% intervals that hold the truth."""
    bias: float
    """Mean error, relative to the mean truth."""


@dataclass(frozen=True)
class WayResult:
    """One way to serve."""

    logs: int
    examples: float
    """A log."""
    mean_weights: list[MeanWeight]
    days_off: list[str]
    """Days and levels whose interval does not hold 1."""
    policy_weights: dict[str, SeedMean]
    """Mean weight of each policy over all rows."""
    estimates: list[Judged]
    least_coverage: float
    answers: Answers
    """Of all logs together."""
    alerts: dict[str, int]
    """What the monitor says is wrong → in how many logs."""


@dataclass(frozen=True)
class Stickiness:
    """What it costs that artwork stays, and what it saves."""

    epoch_days: int
    keep: float
    changed_a_day: SeedMean
    """Share of a member's titles whose artwork precompute changed."""
    regret: SeedMean
    """Share of uniform choice's regret."""
    regret_ratio: SeedMean | None
    """To deciding everything anew each day; None: it is that."""


@dataclass(frozen=True)
class Propensities:
    """All of it."""

    days: int
    epoch_days: int
    keep: float
    change_cost: float
    ways: dict[str, WayResult]
    stickiness: list[Stickiness]


def result_of_way(logs_lived: Sequence[OneLog], policies: Iterable[str]) -> WayResult:
    """What the logs of one way to serve say."""
    logs = [one.estimates for one in logs_lived if one.estimates is not None]
    weights = _mean_weights(logs)
    judged = [
        Judged(policy, estimator, *coverage(logs, policy, estimator))
        for policy in policies
        for estimator in ESTIMATORS
    ]
    alerts: dict[str, int] = {}
    for log in logs:
        for name in {alert.split(":")[0].split(" ")[0] for alert in log.alerts}:
            alerts[name] = alerts.get(name, 0) + 1
    return WayResult(
        len(logs),
        float(np.mean([log.examples for log in logs])),
        weights,
        [f"{w.day} {w.level}" for w in weights if not w.interval[0] <= 1 <= w.interval[1]],
        {name: mean_of([log.policy_weights[name] for log in logs]) for name in policies},
        judged,
        min(each.coverage for each in judged),
        Answers(
            *(sum(column) for column in zip(*(astuple(log.answers) for log in logs), strict=True))
        ),
        alerts,
    )


def _mean_weights(logs: Sequence[LogEstimates]) -> list[MeanWeight]:
    names = sorted({name for log in logs for name in log.weights})
    out = []
    for name in names:
        each = [log.weights[name] for log in logs if name in log.weights]
        rows = np.array([w.rows for w in each], float)
        means = np.array([w.mean for w in each])
        mean = float((means * rows).sum() / rows.sum())
        # The ratio of two sums over logs, by its linear part.
        parts = rows * (means - mean) / rows.mean()
        half = 0.0
        if len(each) > 1:
            half = float(t.ppf(0.995, len(each) - 1) * parts.std(ddof=1) / len(each) ** 0.5)
        day, level = name.split(" ")
        out.append(MeanWeight(int(day), level, mean, (mean - half, mean + half), int(rows.sum())))
    return sorted(out, key=lambda w: (w.level, w.day))


def stickiness_of(lived: Mapping[Epochs, Sequence[OneLog]]) -> list[Stickiness]:
    """What each length of epochs costs, beside drawing everything anew every day."""

    def regrets(logs_lived: Sequence[OneLog]) -> list[float]:
        return [
            (one.takes.best - one.takes.shown) / (one.takes.best - one.takes.even)
            for one in logs_lived
        ]

    anew = regrets(lived[Epochs(1, 0.0)])
    return [
        Stickiness(
            each.days,
            each.keep,
            mean_of([one.changed for one in logs_lived]),
            mean_of(regrets(logs_lived)),
            None if each == Epochs(1, 0.0) else ratio_of(regrets(logs_lived), anew),
        )
        for each, logs_lived in lived.items()
    ]


def show_propensities(found: Propensities) -> None:
    """Print the tables."""
    console = Console()
    table = Table("way", "policy", "estimator", "coverage", "bias", title="95% intervals")
    for way, result in found.ways.items():
        for row in result.estimates:
            table.add_row(
                *(way, row.policy, row.estimator, f"{row.coverage:.2f}", f"{row.bias:+.1%}")
            )
    console.print(table)
    weights = Table("way", "level", "days", "mean weight", "days off 1", title="uniform policy")
    for way, result in found.ways.items():
        for level in sorted({w.level for w in result.mean_weights}):
            rows = [w for w in result.mean_weights if w.level == level]
            low, high = min(w.mean for w in rows), max(w.mean for w in rows)
            off = [name for name in result.days_off if name.endswith(level)]
            weights.add_row(way, level, str(len(rows)), f"{low:.3f} … {high:.3f}", ", ".join(off))
    console.print(weights)
    sticky = Table("epoch", "keep", "changed a day", "regret", "ratio", title="artwork that stays")
    for row in found.stickiness:
        ratio = "1" if row.regret_ratio is None else row.regret_ratio.text()
        sticky.add_row(
            *(str(row.epoch_days), f"{row.keep:g}", row.changed_a_day.text(4)),
            *(row.regret.text(), ratio),
        )
    console.print(sticky)
    for way, result in found.ways.items():
        answers = result.answers
        console.print(
            f"{way}: {answers.different} of {answers.compared:,} decisions are logged otherwise "
            f"than answered; {answers.ids_of_two_things} of {answers.ids:,} ids name two things"
        )
        for name, count in result.alerts.items():
            console.print(f"{way}: the monitor alerts on {name} in {count} of {result.logs} logs")
