"""Is what is logged what is drawn: weights, estimates and coverage where members return."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, get_args

from bandit.draws import Epochs
from bench.propensities.bundles import Size, Trained, train_bundles
from bench.propensities.estimates import estimates_of
from bench.propensities.lives import Life, Way, live_through
from bench.propensities.results import (
    OneLog,
    Propensities,
    result_of_way,
    show_propensities,
    stickiness_of,
)
from bench.propensities.serving import Models
from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from simulate.world.switches import Switches

__all__ = ["propensities", "show_propensities"]


class _Task(NamedTuple):
    """One log, in a process of its own."""

    life: Life
    way: Way
    seed: int
    policies: dict[str, str]
    scratch: Path
    resamples: int
    judged: bool


# Each parameter is an option of the command.
def propensities(
    ways: str = "precompute,live,mixed",
    logs: int = 100,
    lives: int = 20,
    days: int = 10,
    members: int = 200,
    places: int = 2500,
    epoch_days: int = Epochs.days,
    keep: float = Epochs.keep,
    curve: str = "",
    switches: Switches | None = None,
    resamples: int = 400,
    workers: int = 2,
    scratch: Path | None = None,
    catalogue: Path | None = None,
    bundle: Path | None = None,
    cache: Path = Path("artifacts/cache"),
    quick: bool = False,
) -> Propensities:
    """Mean weights, bias and coverage beside the truth; what it costs that artwork stays.

    Members look again until they play, skip what they watched, and come back more often when they
    enjoyed. Every log is precomputed, served, rolled and joined by the product's own functions in
    this process, with its defaults. Three bundles, each trained on more days, follow each other;
    the last is judged before it is served. The mean weight of the uniform policy must be 1 on
    every day and level; intervals of 95% must hold the truth as often.

    Args:
        ways: to serve, separated by commas, '' for none: from maps (precompute), live, or both
            mixed, with members without maps, pages that ask for new draws, and pages that fall
            back.
        logs: how many of each way, each of other members.
        lives: how many for each length of epochs, to compare regret and change of artwork.
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
        catalogue: with its truth, in place of one made for this; the bundle is served every day.
        bundle: trained on that catalogue.
        cache: of its decoded images.
        quick: a few small logs.
    """
    asked = {way.strip() for way in ways.split(",") if way.strip()}
    if lives < 2 or (asked and logs < 2):
        raise BadInput(f"--logs {logs} --lives {lives}: an interval needs two at least")
    named: list[Way] = [way for way in get_args(Way) if way in asked]
    if unknown := asked - set(named):
        raise BadInput(f"--ways {sorted(unknown)[0]}: choose among {', '.join(get_args(Way))}")
    size = Size()
    if quick:
        logs, lives, days, members, places, resamples = 2, 2, 3, 40, 200, 100
        size = Size(8, 4, 100, 600, 1)
    switches = switches or Switches()
    epochs = [Epochs(epoch_days, keep), *_epochs(curve)]
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as temporary:
        folder = Path(temporary)
        if catalogue is not None and bundle is not None:
            trained = Trained(catalogue, cache, [bundle.resolve()] * 3)
        else:
            trained = train_bundles(scratch or folder, size)
        first, second, last = trained.bundles
        daily = [first] * (days // 2) + [second] * (days - days // 2)
        life = Life(
            Models(trained.catalogue, trained.cache), daily, members, places, epochs[0], switches
        )
        policies = {
            "uniform": "random",
            "best-on-log": "best-on-log",
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
        sticky = {
            each: [
                _Task(replace(life, epochs=each), "precompute", s, {}, folder, resamples, False)
                for s in range(1, lives + 1)
            ]
            for each in dict.fromkeys(anew)
        }
        lived_logs = _all([*chain(*parts.values()), *chain(*sticky.values())], workers)
    done = iter(lived_logs)
    results = {
        way: result_of_way([next(done) for _ in tasks], policies) for way, tasks in parts.items()
    }
    lived = {each: [next(done) for _ in tasks] for each, tasks in sticky.items()}
    return Propensities(days, epoch_days, keep, switches.change_cost, results, stickiness_of(lived))


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


def _all(tasks: Sequence[_Task], workers: int) -> list[OneLog]:
    """Logs lived through, some at a time."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        logs = []
        for at, one in enumerate(pool.map(_live, tasks), start=1):
            logs.append(one)
            print(f"{at} of {len(tasks)} logs", file=sys.stderr, flush=True)
        return logs


def _live(task: _Task) -> OneLog:
    """One log, lived through and estimated from."""
    folder = Path(tempfile.mkdtemp(dir=task.scratch))
    try:
        audience, changes = live_through(task.life, task.way, task.seed, folder)
        estimates = None
        if task.judged:
            estimates = estimates_of(
                folder / "log",
                audience,
                task.life.models.catalogue,
                task.life.models.cache,
                task.policies,
                len(task.life.bundles),
                Bootstrap(task.resamples),
            )
    finally:
        shutil.rmtree(folder)
    return OneLog(estimates, changes.changed / max(changes.pairs, 1), audience.sums)
