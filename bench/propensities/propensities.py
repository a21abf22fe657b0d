"""Is what is logged what is drawn: weights, estimates and coverage where members return."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from bandit.draws import Epochs
from bench.propensities.bundles import Size, train_bundles
from bench.propensities.estimates import ESTIMATORS, LogEstimates, coverage, estimates_of
from bench.propensities.lives import Life, Way, live_through
from bench.propensities.serving import Models
from bench.seed_statistics import SeedMean, mean_of, ratio_of
from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from simulate.world.switches import Switches


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


class _Task(NamedTuple):
    """One log, in a process of its own."""

    life: Life
    way: Way
    seed: int
    policies: dict[str, str]
    scratch: Path
    resamples: int
    judged: bool


class _Told(NamedTuple):
    """What became of it."""

    estimates: LogEstimates | None
    changed: float
    expected: float
    best: float
    even: float


# Each parameter is an option of the command.
def propensities(
    ways: str = "precompute,live,mixed",
    logs: int = 100,
    days: int = 10,
    members: int = 300,
    places: int = 1500,
    epoch_days: int = Epochs.days,
    keep: float = Epochs.keep,
    curve: str = "",
    switches: Switches | None = None,
    resamples: int = 400,
    workers: int = 2,
    scratch: Path | None = None,
    quick: bool = False,
) -> Propensities:
    """Mean weights, bias and coverage beside the truth; what it costs that artwork stays.

    Members look again until they play, skip what they watched, and come back more often when they
    enjoyed. Every log is precomputed, served, rolled and joined by the product's own functions in
    this process, with its defaults. Three bundles, each trained on more days, follow each other;
    the last is judged before it is served. The mean weight of the uniform policy must be 1 on
    every day and level; intervals of 95% must hold the truth as often.

    Args:
        ways: to serve, separated by commas: from maps (precompute), live, or both mixed, with
            members without maps, pages that ask for new draws, and pages that fall back.
        logs: how many, each of other members.
        days: of each log.
        members: of each log.
        places: on all pages of a day.
        epoch_days: days that a draw lasts.
        keep: share of a new draw that is what was shown before.
        curve: other epochs to compare regret and change of, as "1:0,7:0.5,14:0.8".
        switches: of the world; --switches.change-cost makes changes of artwork cost plays.
        resamples: of profiles, for each interval.
        workers: processes.
        scratch: folder that keeps catalogue and bundles for the next time; a temporary one if not
            given.
        quick: a few small logs.
    """
    asked = {way.strip() for way in ways.split(",")}
    named: list[Way] = [way for way in get_args(Way) if way in asked]
    if unknown := asked - set(named):
        raise BadInput(f"--ways {sorted(unknown)[0]}: choose among {', '.join(get_args(Way))}")
    size = Size()
    if quick:
        logs, days, members, places, resamples = 2, 4, 60, 300, 100
        size = Size(8, 4, 100, 600, 1)
    switches = switches or Switches()
    epochs = [Epochs(epoch_days, keep), *_epochs(curve)]
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as temporary:
        folder = Path(temporary)
        trained = train_bundles(scratch or folder, size)
        first, second, last = trained.bundles
        daily = [first] * (days // 2) + [second] * (days - days // 2)
        life = Life(
            Models(trained.catalogue, trained.cache), daily, members, places, epochs[0], switches
        )
        policies = {
            "uniform": "random",
            "unpersonalised": "unpersonalised",
            "greedy": f"{second}:greedy",
            "next": str(last),
        }
        parts = {
            way: [
                _Task(life, way, seed, policies, folder, resamples, True)
                for seed in range(1, logs + 1)
            ]
            for way in named
        }
        anew = [Epochs(1, 0.0), *epochs]
        lives = {
            each: [
                _Task(replace(life, epochs=each), "precompute", s, {}, folder, resamples, False)
                for s in range(1, max(2, logs // 5) + 1)
            ]
            for each in dict.fromkeys(anew)
        }
        told = _all([*chain(*parts.values()), *chain(*lives.values())], workers)
    done = iter(told)
    results = {way: _way([next(done) for _ in tasks], policies) for way, tasks in parts.items()}
    lived = {each: [next(done) for _ in tasks] for each, tasks in lives.items()}
    return Propensities(days, epoch_days, keep, switches.change_cost, results, _stickiness(lived))


def _epochs(text: str) -> list[Epochs]:
    """Epochs as a command line gives them.

    Raises:
        BadInput: they cannot be.
    """
    try:
        pairs = [part.split(":") for part in text.split(",") if part.strip()]
        return [Epochs(int(days), float(keep)) for days, keep in pairs]
    except ValueError as error:
        raise BadInput(f"--curve {text}: {error}; write it as 1:0,7:0.5") from None


def _all(tasks: Sequence[_Task], workers: int) -> list[_Told]:
    """Logs lived through, some at a time."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        told = []
        for at, one in enumerate(pool.map(_live, tasks), start=1):
            told.append(one)
            print(f"{at} of {len(tasks)} logs", file=sys.stderr, flush=True)
        return told


def _live(task: _Task) -> _Told:
    """One log, lived through and estimated from."""
    folder = Path(tempfile.mkdtemp(dir=task.scratch))
    try:
        lived = live_through(task.life, task.way, task.seed, folder)
        estimates = None
        if task.judged:
            estimates = estimates_of(
                folder / "log",
                lived,
                task.life.models.catalogue,
                task.life.models.cache,
                task.policies,
                len(task.life.bundles),
                task.life.switches.change_cost,
                Bootstrap(task.resamples),
            )
    finally:
        shutil.rmtree(folder)
    changed = lived.changed / max(lived.pairs, 1)
    return _Told(estimates, changed, lived.expected, lived.best, lived.even)


def _way(told: Sequence[_Told], policies: dict[str, str]) -> WayResult:
    logs = [one.estimates for one in told if one.estimates is not None]
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


def _stickiness(lived: dict[Epochs, list[_Told]]) -> list[Stickiness]:
    def regrets(told: Sequence[_Told]) -> list[float]:
        return [(one.best - one.expected) / (one.best - one.even) for one in told]

    anew = regrets(lived[Epochs(1, 0.0)])
    return [
        Stickiness(
            each.days,
            each.keep,
            mean_of([one.changed for one in told]),
            mean_of(regrets(told)),
            None if each == Epochs(1, 0.0) else ratio_of(regrets(told), anew),
        )
        for each, told in lived.items()
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
        for name, count in result.alerts.items():
            console.print(f"{way}: the monitor alerts on {name} in {count} of {result.logs} logs")
