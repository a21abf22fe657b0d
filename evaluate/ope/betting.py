"""Intervals of a fraction that hold at any size of log, by betting against each value."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

LEARNT_IN = 0.02
"""Share of the units after which bets go by the spread that was seen, not by the largest likely."""
CAUTION = 0.9
"""Most that a bet may lose on one unit."""
GRID, STEPS = 64, 20
"""Values tried, and halvings between the last that is left out and the first that is not."""


class Bets(NamedTuple):
    """What there is to bet on: sums of independent units, profiles or decisions."""

    decisions: Float[np.ndarray, " units"]
    weight: Float[np.ndarray, " units"]
    reward: Float[np.ndarray, " units"]
    """Weighted, each reward within [0, 1]."""
    possible: float
    """Largest weight that a decision could have had, seen or not: K/ε for a policy with ε."""

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Interval that holds the target's value with the stated probability at any sample size.

        A bet against a value v pays 1 + λ·x on each unit, where x has mean 0 if v is true, and λ
        depends on the units before alone and is so small that no possible unit costs all. If v is
        true, such bets multiply the stake by 2 / (1 − confidence) with half the error's
        probability at most, so v is left out where they do. Half the stake is bet on
        weighted rewards less v · weights, which needs the largest possible weight, and half on
        weighted rewards less v · decisions, which does not. The upper end is that of what was
        not earned.

        It holds if units are independent, no later one has more decisions than the largest here,
        and propensities are right.

        Source: Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro (2022), "Anytime-valid
        off-policy inference for contextual bandits", ACM/IMS J. Data Science 1(3); sizes of bets
        after Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by
        betting", JRSS-B 86(1), section 3.
        """
        needed = math.log(2 / (1 - confidence))
        missed = self._replace(reward=self.weight - self.reward)
        # Weights whose mean is far from 1 speak against every value: then the ends have crossed.
        low, high = sorted((self._lower_end(needed), 1 - missed._lower_end(needed)))
        return low, high

    def _lower_end(self, needed: float) -> float:
        """The least value that bets on a greater one do not refute."""
        grid = np.linspace(0, 1, GRID + 1)[1:]
        first = next((v for v in grid if self._earned(v, needed) <= needed), 1.0)
        low, high = first - 1 / GRID, first
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._earned(middle, needed) > needed else (low, middle)
        return float(low)

    def _earned(self, value: float, needed: float) -> float:
        """Logarithm of what bets that the value is greater make of a stake of 1."""
        units, size = len(self.reward), float(self.decisions.max())
        # What x² has on average if each unit has all its weight on one decision.
        likely = self.possible * value * float((self.decisions**2).mean())
        prior = 1 + LEARNT_IN * units
        earned = []
        for against, most, spread in (
            (self.weight, size * self.possible, likely * (1 - value)),
            (self.decisions, size, likely),
        ):
            x = self.reward - value * against
            before = np.concatenate([[0.0], np.cumsum(x**2)[:-1]])
            variance = (prior * spread + before) / (prior + np.arange(units))
            wanted = np.sqrt(2 * needed / (units * np.maximum(variance, 1e-300)))
            earned.append(float(np.log1p(np.minimum(wanted, CAUTION / (value * most)) * x).sum()))
        return float(np.logaddexp(*earned)) - math.log(2)
