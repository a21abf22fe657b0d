"""Intervals of fractions: within [0, 1], and never empty where nothing was seen."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

FEW = 10.0
"""Effective takes, or misses, below which drawing groups again cannot tell what was not seen."""
NOTHING = 1e-6
"""Width of an interval in which nothing varied."""


class Matched(NamedTuple):
    """What the rows that a target would have chosen too tell of a fraction."""

    value: float
    """Weighted fraction; NaN where no row matches."""
    size: float
    """As many equally weighted, independent units (Kish 1965)."""
    takes: float
    """As many takes of equal weight: of groups of profiles, and of rows."""
    misses: float
    """The same for what was not earned."""

    @classmethod
    def of(
        cls,
        weight: Float[np.ndarray, " groups"],
        reward: Float[np.ndarray, " groups"],
        squares: float,
        clustered: bool = True,
    ) -> "Matched":
        """From weights and weighted rewards summed by group of profiles.

        Args:
            weight: of each group.
            reward: of each group.
            squares: sum of squared weights of rows.
            clustered: whether groups are what is independent, not rows.
        """
        total = float(weight.sum())
        value = float(reward.sum()) / total if total > 0 else math.nan
        rows = (total / math.sqrt(squares)) ** 2 if squares > 0 else 0.0
        size = _effective(weight) if clustered else rows
        # Many takes of light rows say little of the heavy ones, so these are asked for theirs.
        takes = min(_effective(reward), value * rows) if rows else 0.0
        misses = min(_effective(weight - reward), (1 - value) * rows) if rows else 0.0
        return cls(value, size, takes, misses)

    @property
    def few(self) -> bool:
        """Whether so few takes or misses match that resampling them is of no use."""
        return min(self.takes, self.misses) < FEW

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Exact binomial interval for as many rows as the weighted ones are worth.

        Without a take it is [0, 1 − (α/2)^(1/size)], about 3.7 / size; without any row, [0, 1].

        Source: Korn and Graubard (1998), "Confidence Intervals for Proportions with Small Expected
        Number of Positive Counts Estimated from Survey Data", Survey Methodology 24(2); Clopper
        and Pearson (1934), Biometrika 26.
        """
        if not self.size > 0:
            return 0.0, 1.0
        value = min(max(self.value, 0.0), 1.0)
        takes, misses = value * self.size, (1 - value) * self.size
        tail = (1 - confidence) / 2
        low = float(special.betaincinv(takes, misses + 1, tail)) if takes > 1e-9 else 0.0
        high = float(special.betaincinv(takes + 1, misses, 1 - tail)) if misses > 1e-9 else 1.0
        return low, high


def fraction_interval(
    value: float, low: float, high: float, matched: Matched
) -> tuple[float, float]:
    """An estimate's interval within [0, 1].

    Where data is plentiful the interval stays as it is, cut at 0 and 1. Where fewer than `FEW`
    takes or misses match, or where nothing varies, resampling repeats what was seen and claims that
    nothing else exists: a policy without a matching take would read [0, 0]. Then it is the
    binomial interval of the matching rows, stretched to the estimate, cut at 0 and 1: a doubly
    robust value may itself lie outside, and is reported as it is.

    Args:
        value: the estimate.
        low: lower end by other means; may be NaN.
        high: upper end.
        matched: rows that the target would have chosen too.
    """
    failed = resampling_fails(low, high, matched)
    ends = np.array(matched.interval()) if failed else np.clip([low, high], 0.0, 1.0)
    if not math.isnan(value):
        inside = min(max(value, 0.0), 1.0)
        ends = np.array([min(ends[0], inside), max(ends[1], inside)])
    return float(ends[0]), float(ends[1])


def resampling_fails(low: float, high: float, matched: Matched) -> bool:
    """Whether an interval by resampling is of no use: too little matches, or nothing varies."""
    return matched.few or not min(high, 1.0) - max(low, 0.0) > NOTHING


def _effective(parts: Float[np.ndarray, " groups"]) -> float:
    """Kish's size of what groups add; 0 where they add nothing."""
    parts = np.maximum(parts, 0.0)
    largest = parts.max(initial=0.0)
    if not largest > 0:
        return 0.0
    parts = parts / largest
    return float(parts.sum() ** 2 / (parts**2).sum())
