"""Choosing a row in reading order: each slot by Thompson sampling, given what is left of it.

A head's value of a row is a sum over slots and pairs of neighbours, so the best that may follow a
candidate is known by one pass from the right (Viterbi 1967). A slot's score is what its candidate
adds beside its left neighbour, with the best that may follow. Where pairs add nothing the slots are
independent, and chosen as single decisions are.
"""

import numpy as np
from jaxtyping import Bool, Float

from bandit.rows.row_chances import RowChances
from bandit.thompson import thompson_probabilities


def orchestrate(
    own: Float[np.ndarray, "rows heads slots candidates"],
    pair: Float[np.ndarray, "rows heads later left candidates"],
    valid: Bool[np.ndarray, "rows slots candidates"],
    epsilon: float,
) -> RowChances:
    """Exact probabilities of a row's choices, each given its left neighbour.

    Args:
        own: what each head says that a candidate is worth in its slot.
        pair: and beside the candidate left of it.
        valid: candidates that may be shown.
        epsilon: share of uniform exploration of each slot.

    Raises:
        ValueError: a slot has no valid candidate, a score is NaN, or epsilon is outside [0, 1].
    """
    rows, heads, slots, candidates = own.shape
    masked = np.where(valid[:, None], own, -np.inf)
    onward = [masked[:, :, -1]]
    for at in range(slots - 2, -1, -1):
        best = (pair[:, :, at] + onward[0][:, :, None, :]).max(-1)
        onward.insert(0, masked[:, :, at] + best)
    first = thompson_probabilities(_finite(onward[0]), valid[:, 0], epsilon)
    later = np.empty((rows, slots - 1, candidates, candidates))
    for at in range(1, slots):
        scores = pair[:, :, at - 1] + _finite(onward[at])[:, :, None, :]
        flat = scores.transpose(0, 2, 1, 3).reshape(rows * candidates, heads, candidates)
        there = np.repeat(valid[:, at], candidates, axis=0)
        chances = thompson_probabilities(flat, there, epsilon)
        later[:, at - 1] = chances.reshape(rows, candidates, candidates)
    return RowChances(first, later)


def _finite(scores: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Scores with 0 for what is masked, which no vote goes to; NaN stays, and is refused."""
    return np.where(np.isneginf(scores), 0.0, scores)
