"""What choosing artwork gained, and what changing it did, in worlds where that is known."""

from functools import cache
from typing import NamedTuple

import numpy as np

from bench.judging.change_world import CHANGES, ChangeWorld, days_seen
from bench.judging.row import Effort, Row, run_each, share_row
from evaluate.attribution.change_effects import effects_of_days
from evaluate.attribution.effect_within import ChangeEffect
from evaluate.attribution.shown_gain import shown_gain

SECTION = "attribution"
COVER = 0.93


class Covers(NamedTuple):
    """Whether intervals of one log hold what is true."""

    within: bool
    observed: bool
    difference: float


def attribution(effort: Effort) -> list[Row]:
    """Rows for effects of change and for the gain over an even draw; see the module."""
    rows = []
    settings = [(way, stops) for stops in (False, True) for way in CHANGES]
    for number, (way, stops) in enumerate(settings[: 1 if effort.quick else None]):
        first = effort.seed + number * effort.runs
        worlds = [ChangeWorld(first + run, way, stops) for run in range(effort.runs)]
        found = run_each(cover, worlds, effort.workers)
        setting = way + (", titles that are taken are shown no more" if stops else "")
        what = "effect of change covers 0 where there is none (evaluate attribution)"
        hits = [covers.within for covers in found]
        rows.append(share_row(SECTION, what, setting, hits, COVER))
        observed = [covers.observed for covers in found]
        rows.append(
            share_row(SECTION, "observed difference covers 0", setting, observed, None, "shown")
        )
        mean = float(np.mean([covers.difference for covers in found]))
        rows.append(
            Row(SECTION, "mean effect of change", setting, len(found), mean, None, 0.0, "shown")
        )
    for epsilon in (0.1, 0.4)[: 1 if effort.quick else None]:
        first = effort.seed + 80_000 + int(1000 * epsilon)
        tasks = [(first + run, epsilon) for run in range(effort.runs)]
        held = run_each(gain_covers, tasks, effort.workers)
        what = "gain over an even draw covers the truth (evaluate attribution)"
        setting = f"6,000 draws of 1,500 profiles, epsilon {epsilon:g}, 6 candidates"
        rows.append(share_row(SECTION, what, setting, held, COVER))
    return rows


def cover(world: ChangeWorld) -> Covers:
    """What one log says of a change that does nothing."""
    effects = effects_of_days(days_seen(world))
    within, observed = effects.within, effects.observed
    if within is None or observed is None:
        raise RuntimeError(f"{world}: nothing changed, or nothing stayed")
    return Covers(_holds(within, 0.0), _holds(observed, 0.0), within.difference)


def gain_covers(task: tuple[int, float]) -> bool:
    """Whether the interval of one log holds what the policy gains over an even draw."""
    seed, epsilon = task
    g = np.random.default_rng(seed)
    profiles, each, count = 1500, 4, 6
    profile = np.repeat(np.arange(profiles), each)
    rows = np.arange(len(profile))
    taste = g.normal(0, 0.6, (profiles, 1))[profile]
    logit = -1.9 + taste + g.normal(0, 0.5, (len(profile), count))
    truth = 1 / (1 + np.exp(-logit))
    guess = truth * np.exp(g.normal(0, 0.3, truth.shape))
    chances = np.full(truth.shape, epsilon / count)
    chances[rows, guess.argmax(1)] += 1 - epsilon
    shown = (chances.cumsum(1) < g.random((len(profile), 1))).sum(1).clip(0, count - 1)
    reward = (g.random(len(profile)) < truth[rows, shown]).astype(float)
    modelled = 0.8 * guess
    weight = 1 / (count * chances[rows, shown])
    found = shown_gain(reward, weight, modelled[rows, shown], modelled.mean(1), profile)
    if found is None:
        raise RuntimeError("nothing was drawn")
    # Profiles and titles are drawn anew for each log, and so is what the policy knows of them.
    gain = _expected_gain(epsilon)
    return bool(found.low <= gain <= found.high)


@cache
def _expected_gain(epsilon: float) -> float:
    """The gain over all members and titles of such a world, from a million of them."""
    g = np.random.default_rng(1)
    logit = -1.9 + g.normal(0, 0.6, (1_000_000, 1)) + g.normal(0, 0.5, (1_000_000, 6))
    truth = 1 / (1 + np.exp(-logit))
    best = (truth * np.exp(g.normal(0, 0.3, truth.shape))).argmax(1)
    return (1 - epsilon) * float((truth[np.arange(len(best)), best] - truth.mean(1)).mean())


def _holds(effect: ChangeEffect, truth: float) -> bool:
    return bool(effect.low <= truth <= effect.high)
