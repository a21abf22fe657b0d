"""Does the share of the doubt that heads explore with earn about what the best share would?"""

from typing import NamedTuple

import numpy as np
import torch

from bench.judging.posterior_worlds.nights import NightlyWorld, Scale, by_rule, regret
from bench.judging.row import Effort, Row, run_each

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
CONSTANTS = (0.0, 0.1, 0.3, 0.5, 1.0)
MOST = 1.03
"""Times the best constant's regret."""
FEWER = 8
"""The share of runs that are played is one over this."""
RESAMPLES = 2000


class Play(NamedTuple):
    """One world, decided one way."""

    world: NightlyWorld
    scale: float | None  # None: the rule
    seed: int


def play(task: Play) -> float:
    """Its regret."""
    torch.set_num_threads(1)
    constant = task.scale
    scale: Scale = by_rule if constant is None else lambda *_: constant
    return regret(task.world, scale, task.seed)


def temperature(effort: Effort) -> list[Row]:
    """Regret by the rule over that of the best constant, and of the constant .1, by world."""
    worlds = WORLDS[:2] if effort.quick else WORLDS
    runs = 2 if effort.quick else max(4, effort.runs // FEWER)
    seeds = range(effort.seed + 600_000, effort.seed + 600_000 + runs)
    ways = (None, *CONSTANTS)
    tasks = [Play(world, way, seed) for world in worlds for way in ways for seed in seeds]
    found = np.array(run_each(play, tasks, effort.workers)).reshape(len(worlds), len(ways), runs)
    rows = []
    for world, of_ways in zip(worlds, found, strict=True):
        rule, constants = of_ways[0], of_ways[1:]
        best = int(constants.mean(1).argmin())
        what = f"regret by the rule over that of {CONSTANTS[best]:g} of the doubt, the best"
        rows.append(_ratio(what, world, rule, constants[best], MOST))
        what = "regret by the rule over that of .1 of the doubt"
        rows.append(_ratio(what, world, rule, constants[CONSTANTS.index(0.1)], None))
        rows += [
            _share(f"regret of {way:g} of the doubt over random's", world, regrets)
            for way, regrets in zip(CONSTANTS, constants, strict=True)
        ]
    return rows


def _ratio(
    what: str, world: NightlyWorld, rule: np.ndarray, other: np.ndarray, most: float | None
) -> Row:
    """Of sums over seeds, with the bootstrap's interval over pairs."""
    drawn = np.random.default_rng(0).integers(len(rule), size=(RESAMPLES, len(rule)))
    ratios = rule[drawn].sum(1) / other[drawn].sum(1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    measured, side = float(rule.sum() / other.sum()), "shown" if most is None else "at most"
    interval = float(low), float(high)
    return Row("temperature", what, world.name, len(rule), measured, interval, most, side)


def _share(what: str, world: NightlyWorld, regrets: np.ndarray) -> Row:
    return Row(
        "temperature", what, world.name, len(regrets), float(regrets.mean()), None, None, "shown"
    )
