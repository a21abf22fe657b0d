"""How new artwork stands beside what its title had before, from a log with propensities.

Differences of worth are weighed by inverse propensities, with the title's mean taken off: both are
unbiased whatever floors, caps and the policy did. Intervals hold at every night at once, so a
title's artwork may be looked at each night for as long as it is on probation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from evaluate.experiments.sequential import always_valid_half_width, planned_tau

FEWEST = 20
"""Draws of a new artwork before which nothing is said of it: weights are too few for a law."""


@dataclass(frozen=True)
class Standing:
    """One new artwork beside its title's best."""

    draws: int
    best: int
    """Code of the artwork that was there before and earns most."""
    best_value: float
    """What that earns a draw."""
    difference: float
    """What the new one earns more; NaN before there is anything to say."""
    low: float
    high: float
    """Bounds of the difference to the artwork that it is surest to fall short of, at all looks."""

    @property
    def gap(self) -> float:
        """What a draw of it may cost at most: what the best earns, or what the log leaves of it."""
        if np.isnan(self.difference):
            return self.best_value
        return float(np.clip(-self.low, 0.0, self.best_value))

    def lost(self, margin: float) -> bool:
        """Whether it is surely worse than the title's best by more than a share of that."""
        return not np.isnan(self.difference) and self.high < -margin * self.best_value


def standing(
    new: int,
    before: Sequence[int],
    actions: Int[np.ndarray, " rows"],
    propensities: Float[np.ndarray, " rows"],
    rewards: Float[np.ndarray, " rows"],
    beside: Bool[np.ndarray, " rows"],
    draws: int,
    alpha: float = 0.05,
) -> Standing:
    """One artwork's standing.

    Args:
        new: its code.
        before: codes of its title's other artwork, none of it new.
        actions: code of what was drawn, of the title's rows.
        propensities: of it.
        rewards: of it.
        beside: rows of which the new artwork was a candidate.
        draws: that probation is planned to have.
        alpha: share of artworks whose interval may ever miss the truth.
    """
    mean = float(rewards.mean()) if len(rewards) else 0.0
    values = {code: _value(actions == code, propensities, rewards, mean) for code in before}
    best = max(values, key=lambda code: values[code])
    rows = beside & np.isin(actions, [new, *before])
    drawn = int((actions[rows] == new).sum())
    count = int(beside.sum())
    nothing = Standing(drawn, best, values[best], np.nan, -np.inf, np.inf)
    if drawn < FEWEST:
        return nothing
    weights = (rewards[beside] - mean) / propensities[beside]
    its = np.where(actions[beside] == new, weights, 0.0)
    found = []
    for code in before:
        each = its - np.where(actions[beside] == code, weights, 0.0)
        variance = float(each.var(ddof=1)) / count
        if variance <= 0:
            continue
        level = alpha / len(before)
        tau = planned_tau(variance * drawn / draws, level)
        half = always_valid_half_width(variance, tau, level)
        found.append((float(each.mean()), half))
    if not found:
        return nothing
    high = min(mean_ + half for mean_, half in found)
    low = min(mean_ - half for mean_, half in found)
    return Standing(drawn, best, values[best], min(m for m, _ in found), low, high)


def _value(
    shown: Bool[np.ndarray, " rows"],
    propensities: Float[np.ndarray, " rows"],
    rewards: Float[np.ndarray, " rows"],
    mean: float,
) -> float:
    """What showing an artwork always earns; with few draws near the title's mean, never below 0."""
    weights = np.where(shown, 1 / propensities, 0.0)
    pseudo = 10.0
    return max(0.0, float((weights @ rewards + pseudo * mean) / (weights.sum() + pseudo)))
