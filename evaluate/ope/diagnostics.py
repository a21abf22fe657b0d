"""What to know of a log before an estimate from it is believed, in numbers."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.ope.feedback import Feedback
from evaluate.ope.fraction_intervals import Matched

SLIGHT = 0.01
"""By so much a mean weight may miss 1 before it counts: what it does to an estimate is no more.

Propensities come with the digits that somebody wrote: 0.333333 for a third makes every weight
1.000001, without any noise, so that standard errors alone would call a sound log wrong.
"""
EVEN = 1e-3
"""By so much of itself a propensity may miss 1 / candidates and still be an even draw's."""


@dataclass(frozen=True)
class Diagnostics:
    """How well a log covers a target policy.

    Attributes:
        decisions: in the log.
        groups: of profiles, or of decisions where these are independent.
        ess: effective sample size (Σw)² / Σw² (Kish 1965): as many equally weighted decisions.
        match_rate: mean target probability of the logged action; for a target that does not
            draw, the share of decisions where it agrees with the log.
        largest_weight: of any decision.
        mean_weight: 1 up to chance when propensities are right and support is full.
        mean_weight_error: its standard error.
        uniform: whether every logged propensity is 1 / candidates, up to the digits it is written
            with, of as many candidates each time.
    """

    decisions: int
    groups: int
    ess: float
    match_rate: float
    largest_weight: float
    mean_weight: float
    mean_weight_error: float
    uniform: bool

    @property
    def largest_share(self) -> float:
        """Share of all weight that one decision has; 0 where there is none."""
        whole = self.mean_weight * self.decisions
        return self.largest_weight / whole if whole else 0.0

    @property
    def mean_weight_range(self) -> tuple[float, float]:
        """95% interval of the mean weight."""
        half = 1.96 * self.mean_weight_error
        return max(self.mean_weight - half, 0.0), self.mean_weight + half

    @property
    def share_without_support(self) -> float:
        """Share of what the target would do that the log never could have.

        1 less the mean weight where that is beyond chance, else 0.
        """
        missing = 1 - self.mean_weight
        return missing if missing > max(3 * self.mean_weight_error, 1e-9) else 0.0

    @property
    def excess(self) -> float:
        """How many standard errors the mean weight lies above 1.

        0 where it cannot be told, and where it is too near to 1 to matter.
        """
        unknown = self.groups < 30 or not self.mean_weight_error > 0
        if unknown or self.mean_weight - 1 < SLIGHT:
            return 0.0
        return (self.mean_weight - 1) / self.mean_weight_error


def diagnostic_terms(feedback: Feedback) -> Float[np.ndarray, "decisions 8"]:
    """Terms whose sums make the diagnostics.

    One, w, w², match, k, r, w·r and k²; k is how many candidates were drawn from evenly, 0 if the
    draw was not even.
    """
    w = feedback.weight
    sizes = np.diff(feedback.offsets)
    flat = np.where(np.abs(feedback.propensity * sizes - 1) < EVEN, sizes, 0).astype(float)
    one = np.ones(len(w))
    return np.stack(
        [
            *(one, w, w**2, feedback.target_logged, flat),
            *(feedback.reward, w * feedback.reward, flat**2),
        ],
        axis=-1,
    )


def diagnose(sums: Float[np.ndarray, "groups 8"], largest_weight: float) -> Diagnostics:
    """Diagnostics from the terms summed by group of profiles."""
    count, weight, square, match, flat = sums.sum(0)[:5]
    mean = weight / count
    groups = len(sums)
    squares = float(sums[:, 7].sum())
    deviation = sums[:, 1] - mean * sums[:, 0]
    error = np.sqrt(groups / max(groups - 1, 1) * (deviation**2).sum()) / count
    return Diagnostics(
        decisions=int(count),
        groups=groups,
        ess=float((weight / math.sqrt(square)) ** 2) if square else 0.0,
        match_rate=float(match / count),
        largest_weight=largest_weight,
        mean_weight=float(mean),
        mean_weight_error=float(error),
        # Equal in Cauchy's inequality: k is the same in all decisions.
        uniform=bool(flat > 0 and math.isclose(flat**2, count * squares, rel_tol=1e-12)),
    )


def matched_rows(sums: Float[np.ndarray, "groups 8"], clustered: bool = True) -> Matched:
    """What the rows that agree with the target tell of a fraction.

    Args:
        sums: terms summed by group of profiles.
        clustered: whether profiles are what is independent, not decisions.
    """
    return Matched.of(sums[:, 1], sums[:, 6], float(sums[:, 2].sum()), clustered)
