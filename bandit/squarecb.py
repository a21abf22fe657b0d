"""SquareCB: probabilities that fall with the inverse of the predicted gap."""

import numpy as np
from jaxtyping import Bool, Float

from bandit.floor import candidate_counts, epsilon_floor


def squarecb(
    values: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    gamma: float,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Inverse gap weighting: 1 / (K + γ · gap), the rest to the best candidate.

    Source: Foster and Rakhlin 2020, "Beyond UCB: Optimal and Efficient Contextual Bandits with
    Regression Oracles", algorithm 1 with μ = K. Of tied best candidates the first has the rest.

    Args:
        values: predicted reward of each candidate.
        valid: which candidates there are.
        gamma: greed: 0 is uniform; raise it as √t.
        epsilon: share of uniform exploration.

    Raises:
        ValueError: a row has no valid candidate, a valid value is NaN, gamma is negative, or
            epsilon is outside [0, 1].
    """
    if not gamma >= 0:
        raise ValueError(f"gamma is {gamma}; it must be 0 or above")
    count = candidate_counts(valid)
    known = np.where(valid, values, -np.inf)
    if np.isnan(known).any():
        row = int(np.isnan(known).any(-1).argmax())
        raise ValueError(f"decision row {row} has a value of NaN for a valid candidate")
    best = known.argmax(-1)[:, None]
    gap = np.take_along_axis(known, best, -1) - np.where(valid, values, 0.0)
    share = np.where(valid, 1 / (count + gamma * np.where(valid, gap, 0.0)), 0.0)
    np.put_along_axis(share, best, 0.0, -1)
    np.put_along_axis(share, best, 1 - share.sum(-1, keepdims=True), -1)
    return epsilon_floor(share, valid, epsilon)
