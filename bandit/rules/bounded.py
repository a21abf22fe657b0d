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
    left = np.maximum(1 - _sum(floors.T), 0.0)
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
    beyond = chances < least
    beyond |= chances > caps
    moved = np.logical_or.reduce(beyond, axis=1).nonzero()[0]
    if not len(moved):
        return chances
    out = chances.copy()
    out[moved] = _nearest(*(each.T.take(moved, axis=1) for each in (chances, least, caps))).T
    return out


def _nearest(
    p: Float[np.ndarray, "ranks rows"],
    low: Float[np.ndarray, "ranks rows"],
    high: Float[np.ndarray, "ranks rows"],
) -> Float[np.ndarray, "ranks rows"]:
    """The projection; rows innermost, so that each call goes through all of them at once."""
    breaks = np.concatenate([low - p, high - p])
    sums = _sum(_clipped(p[:, None], breaks, low[:, None], high[:, None]))
    # The last break at which the sum is no more than 1; none, where rounding puts all above it.
    reached = np.maximum.reduce(np.where(sums <= 1, breaks, -np.inf), axis=0)
    down, up = breaks[: len(p)], breaks[len(p) :]
    rising, full = down > reached, up <= reached  # at their floor still; at their cap
    # From what is free alone, so that it does not matter from which break it was found.
    fixed = _sum(np.where(rising, low, np.where(full, high, p)))
    count = len(p) - np.add.reduce(rising | full, axis=0)
    shift = np.divide(1 - fixed, count, out=reached, where=count > 0)
    return _clipped(p, shift, low, high)


def _clipped(
    p: np.ndarray, shift: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Float[np.ndarray, "..."]:
    moved = p + shift
    np.maximum(moved, low, out=moved)
    return np.minimum(moved, high, out=moved)


def _sum(values: Float[np.ndarray, "ranks ..."]) -> Float[np.ndarray, "..."]:
    """Rank by rank: the same bits whatever lies beside a row, and however ranks are padded."""
    return np.add.accumulate(values)[-1]
