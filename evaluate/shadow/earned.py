"""What a policy would have earned beside the one that showed, and the difference of the two."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class EarnedBeside(NamedTuple):
    """Two policies on the same rows, and their difference: 95% intervals by member."""

    present: float
    """Reward a row of what was shown."""
    other: float
    """That the other policy would have had, by weights that are made to average 1 (SNIPS)."""
    difference: float
    error: float
    """Standard error of the difference."""
    low: float
    high: float


def earned_beside(
    reward: Float[np.ndarray, " rows"],
    weight: Float[np.ndarray, " rows"],
    member: Int[np.ndarray, " rows"],
) -> EarnedBeside:
    """What both earned; members are the independent units.

    Args:
        reward: of each row.
        weight: the other policy's probability of what was shown over the present one's.
        member: of each row, numbered from 0.

    Source: Swaminathan and Joachims (2015), "The Self-Normalized Estimator for Counterfactual
    Learning", NeurIPS; the variance is that of the members' influences.
    """
    rows = len(reward)
    present, total = float(reward.mean()), float(weight.sum())
    other = float(weight @ reward) / total if total > 0 else float("nan")
    influence = weight * (reward - other) / (total / rows) - (reward - present)
    each = np.bincount(member, influence)
    members = max(len(each), 2)
    # A member whose weight is large pulls the value to itself, and seems to differ little from it.
    share = np.bincount(member, weight) / total if total > 0 else np.zeros(len(each))
    each = each / np.maximum(1 - share, 0.5)
    error = float(np.sqrt((each**2).sum() * members / (members - 1))) / rows
    half = 1.959964 * error
    return EarnedBeside(
        present, other, other - present, error, other - present - half, other - present + half
    )


def frequencies(
    title: Int[np.ndarray, " rows"], action: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """How often each row's artwork was shown among the rows of its title.

    Args:
        title: of each row, numbered from 0, with its set of candidates.
        action: what was shown, numbered from 0.
    """
    both = title * (int(action.max(initial=0)) + 1) + action
    _, at, counts = np.unique(both, return_inverse=True, return_counts=True)
    return counts[at] / np.bincount(title)[title]
