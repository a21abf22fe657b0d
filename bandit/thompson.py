"""Thompson sampling over a bank of heads, with exact probabilities.

A draw of a head and then its best candidate gives candidate a with probability votes(a) / heads:
no simulation is needed (Osband et al. 2016, "Deep Exploration via Bootstrapped DQN").
"""

import numpy as np
from jaxtyping import Bool, Float

from bandit.floor import epsilon_floor
from bandit.thompson_batch import head_votes

BLOCK = 1 << 17
"""Scores worked on at a time: their copies stay in the cache."""


def thompson_votes(
    scores: Float[np.ndarray, "decisions heads candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
) -> Float[np.ndarray, "decisions candidates"]:
    """Share of the heads whose best valid candidate this is; ties split evenly.

    Rows sum to one; an invalid candidate gets exactly 0, whatever its score.

    Raises:
        ValueError: shapes disagree, there is no head, a row has no valid candidate, or a valid
            candidate's score is NaN.
    """
    decisions, heads, candidates = scores.shape
    if valid.shape != (decisions, candidates):
        raise ValueError(
            f"valid has shape {valid.shape}, scores {scores.shape}: "
            f"valid must be ({decisions}, {candidates})"
        )
    if not heads:
        raise ValueError(f"scores of shape {scores.shape} have no head; give at least one")
    any_valid = valid.any(-1)
    if not any_valid.all():
        raise ValueError(
            f"decision row {int(any_valid.argmin())} has no valid candidate; "
            "drop the title or give it a default"
        )
    votes = np.empty((decisions, candidates))
    step = max(1, BLOCK // (heads * candidates))
    for start in range(0, decisions, step):
        block = slice(start, start + step)
        votes[block] = _block_votes(scores[block], valid[block], start)
    return votes


def thompson_probabilities(
    scores: Float[np.ndarray, "decisions heads candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    epsilon: float,
) -> Float[np.ndarray, "decisions candidates"]:
    """Thompson sampling's probabilities, mixed with uniform exploration.

    Raises:
        ValueError: as `thompson_votes`, or epsilon is outside [0, 1].
    """
    return epsilon_floor(thompson_votes(scores, valid), valid, epsilon)


def _block_votes(scores: np.ndarray, valid: np.ndarray, start: int) -> np.ndarray:
    """One block's votes, by the kernel: the decisions as the titles of one member."""
    turned = np.ascontiguousarray(scores.transpose(1, 2, 0))
    if not valid.all():
        if np.may_share_memory(turned, scores):
            turned = turned.copy()
        turned[:, ~valid.T] = -np.inf
    try:
        return head_votes(turned[:, None], valid.T[None]).share[0].T
    except ValueError:
        row = int(np.isnan(turned).any((0, 1)).argmax())
        raise ValueError(
            f"decision row {start + row} has a score of NaN for a valid candidate; "
            "mend the model or mask the candidate"
        ) from None
