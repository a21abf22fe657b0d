"""Does the share of the doubt that heads explore with earn about what any other share would?"""

from typing import NamedTuple

import numpy as np
import torch

from bench.judging.posterior_worlds.nights import NightlyWorld, regret
from bench.judging.row import Effort, Row, run_each
from model.training.exploring import exploring_share

WORLDS = (
    NightlyWorld("60 titles × 6, 1,000 a day, personal", 60, 6, 1000, 14, 0.0, 0.2, 0.15, 0.3),
    NightlyWorld("6 titles × 6, 4,000 a day, nobody differs", 6, 6, 4000, 14, 0.0, 0.3, 0.0, 0.12),
    NightlyWorld(
        "20 titles × 20, 10,000 a day, 5% new a day, nobody differs",
        *(20, 20, 10_000, 20, 0.05),
        *(0.3, 0.0, 0.12),
    ),
    NightlyWorld(
        "20 titles × 20, 4,000 a day, 5% new a day, personal",
        *(20, 20, 4000, 20, 0.05),
        *(0.3, 0.15, 0.3),
    ),
)
"""Content tells about as much of a level as in the simulator, where mean takes of new posters and
what is predicted of them correlate by .12, and those of single members by .2 to .3."""
SHARES = (0.0, 0.1, 0.2, 0.3)
"""Of the doubt. Half of it and all of it cost more in every world (docs/statistics.md)."""
MOST = 1.03
"""Times the best share's regret."""
FEWER = (4, 1, 4, 4)
"""The share of runs that each world is played is one over this: few titles differ most by seed."""
RESAMPLES = 2000


class Play(NamedTuple):
    """One world, decided with one share."""

    world: NightlyWorld
    scale: float
    seed: int


def play(task: Play) -> float:
    """Its regret."""
    torch.set_num_threads(1)
    return regret(task.world, task.scale, task.seed)


def temperature(effort: Effort) -> list[Row]:
    """Regret by the product's share of the doubt over that of each other one, by world."""
    rows = []
    worlds = WORLDS[:2] if effort.quick else WORLDS
    for world, fewer in zip(worlds, FEWER, strict=False):
        runs = 2 if effort.quick else max(4, effort.runs // fewer)
        seeds = range(effort.seed + 600_000, effort.seed + 600_000 + runs)
        tasks = [Play(world, share, seed) for share in SHARES for seed in seeds]
        regrets = np.array(run_each(play, tasks, effort.workers)).reshape(len(SHARES), runs)
        own = exploring_share(world.renewal)
        ours, best = SHARES.index(own), int(regrets.mean(1).argmin())
        for at, (share, of_share) in enumerate(zip(SHARES, regrets, strict=True)):
            rows.append(_share(f"regret of {share:g} of the doubt over random's", world, of_share))
            if at != ours:
                what = f"regret of {own:g} of the doubt, the product's, over that of {share:g}"
                what += ", the best" if at == best else ""
                rows.append(_ratio(what, world, regrets[ours], of_share))
    return rows


def _ratio(what: str, world: NightlyWorld, ours: np.ndarray, other: np.ndarray) -> Row:
    """Of sums over seeds, with the bootstrap's interval over pairs."""
    drawn = np.random.default_rng(0).integers(len(ours), size=(RESAMPLES, len(ours)))
    ratios = ours[drawn].sum(1) / other[drawn].sum(1)
    low, high = np.quantile(ratios, (0.025, 0.975)).tolist()
    measured = float(ours.sum() / other.sum())
    return Row("temperature", what, world.name, len(ours), measured, (low, high), MOST, "at most")


def _share(what: str, world: NightlyWorld, regrets: np.ndarray) -> Row:
    return Row(
        "temperature", what, world.name, len(regrets), float(regrets.mean()), None, None, "shown"
    )
