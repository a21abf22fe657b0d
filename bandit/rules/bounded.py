"""Probabilities within floors and caps: the nearest ones, exactly, with exploration kept.

The nearest point q of the simplex to p with l ≤ q ≤ c is clip(p + τ, l, c), for the one τ at which
it sums to 1 (the projection's Lagrangian; Held, Wolfe and Crowder 1974, "Validation of subgradient
optimization", for l = 0). The sum is piecewise linear in τ with breaks at l − p and c − p, so τ is
found by looking at these, not by search.
"""

import numpy as np
from jaxtyping import Bool, Float


def least_chances(
    allowed: Bool[np.ndarray, "rows ranks"],
    floors: Float[np.ndarray, "rows ranks"],
    caps: Float[np.ndarray, "rows ranks"],
    epsilon: float,
) -> Float[np.ndarray, "rows ranks"]:
    """The least probability of each candidate: its floor, and its share of exploration.

    That is what floors leave of it, at least min(ε, 1 − floors) / K, unless its cap is less.

    Args:
        allowed: candidates.
        floors: at most the caps, and at most 1 together; 0 where nothing is allowed.
        caps: at least 1 together; 0 where nothing is allowed.
        epsilon: share of uniform exploration.
    """
    left = np.maximum(1 - _sum(floors), 0.0)
    explored = np.minimum(epsilon, left) / np.maximum(allowed.sum(1), 1)
    return np.where(allowed, np.minimum(np.maximum(floors, explored[:, None]), caps), 0.0)


def within_bounds(
    chances: Float[np.ndarray, "rows ranks"],
    least: Float[np.ndarray, "rows ranks"],
    caps: Float[np.ndarray, "rows ranks"],
) -> Float[np.ndarray, "rows ranks"]:
    """The nearest probabilities within bounds; rows that lie within them are as they were.

    A row's numbers depend on that row alone.

    Args:
        chances: rows that sum to one, 0 where nothing is allowed.
        least: from `least_chances`.
        caps: at least 1 together; 0 where nothing is allowed.
    """
    beyond = (chances < least) | (chances > caps)
    moved = np.flatnonzero(np.logical_or.reduce(beyond, axis=1))
    if not len(moved):
        return chances
    p, low, high = chances[moved], least[moved], caps[moved]
    down, up = low - p, high - p
    breaks = np.concatenate([down, up], 1)
    breaks.sort(1)
    sums = _sum(_clipped(p[:, None], breaks[:, :, None], low[:, None], high[:, None]))
    # The last break at which the sum is no more than 1; rounding may put the first above it.
    at = np.maximum(np.add.reduce(sums <= 1, axis=1) - 1, 0)
    reached = breaks[np.arange(len(p)), at][:, None]
    rising, full = down > reached, up <= reached  # at their floor still; at their cap
    count = p.shape[1] - np.add.reduce(rising | full, axis=1)
    # From what is free alone, so that it does not matter from which break it was found.
    fixed = _sum(np.where(rising, low, np.where(full, high, p)))
    shift = np.where(count > 0, (1 - fixed) / np.maximum(count, 1), reached[:, 0])
    out = chances.copy()
    out[moved] = _clipped(p, shift[:, None], low, high)
    return out


def _clipped(
    p: np.ndarray, shift: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Float[np.ndarray, "..."]:
    return np.minimum(np.maximum(p + shift, low), high)


def _sum(values: Float[np.ndarray, "... ranks"]) -> Float[np.ndarray, "..."]:
    """Rank by rank: the same bits whatever lies beside a row, and however ranks are padded."""
    return np.add.accumulate(values, axis=-1)[..., -1]
