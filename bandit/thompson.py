"""Thompson sampling over a bank of heads, with exact probabilities.

A draw of a head and then its best candidate gives candidate a with probability votes(a) / heads:
no simulation is needed (Osband et al. 2016, "Deep Exploration via Bootstrapped DQN").
"""

import numpy as np
from jaxtyping import Bool, Float

from bandit.floor import epsilon_floor

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
    some = valid.any(-1)
    if not some.all():
        raise ValueError(
            f"decision row {int(some.argmin())} has no valid candidate; "
            "drop the title or give it a default"
        )
    votes = np.empty((decisions, candidates))
    step = max(1, BLOCK // (heads * candidates))
    for start in range(0, decisions, step):
        block = slice(start, start + step)
        _block_votes(scores[block], valid[block], votes[block], start)
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


def _block_votes(scores: np.ndarray, valid: np.ndarray, votes: np.ndarray, start: int) -> None:
    """Write one block's votes.

    With the decisions innermost, the best of six candidates is five vector maxima, not an argmax
    of six in each of thousands of rows.
    """
    heads = scores.shape[1]
    turned = np.ascontiguousarray(scores.transpose(1, 2, 0))
    if not valid.all():
        if np.may_share_memory(turned, scores):
            turned = turned.copy()
        turned[:, ~valid.T] = -np.inf
    best = turned.max(axis=1)
    if np.isnan(best).any():
        row = int(np.isnan(best).any(0).argmax())
        raise ValueError(
            f"decision row {start + row} has a score of NaN for a valid candidate; "
            "mend the model or mask the candidate"
        )
    won = turned == best[:, None]
    counted = np.add.reduce(
        won.view(np.uint8), axis=0, dtype=np.uint8 if heads <= 255 else np.uint32
    )
    np.divide(counted.T, float(heads), out=votes)
    tied = np.flatnonzero(counted.sum(0, dtype=np.int64) != heads)
    if len(tied):
        winners = won[:, :, tied] & valid[tied].T
        votes[tied] = (winners / winners.sum(1, keepdims=True)).mean(0).T
