"""The kernel that precompute and live run: votes, propensities and draws for members × titles.

The same numbers as `bandit.thompson` and `bandit.choice` give decision by decision. The layout
of the arrays is what makes it fast: candidates lie one behind another with the titles innermost,
so the best of six is five vector maxima over all titles and not an argmax of six, 300 times.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt, UInt64

from bandit.choice import uniforms
from bandit.thompson import thompson_votes

SMALL = 1024
"""Decisions of a few pages, for which the number of NumPy calls is what counts."""


class Decided(NamedTuple):
    """Choices of a block of members for all titles of a bank."""

    choice: Int[np.ndarray, "members titles"]  # rank among the title's candidates
    propensity: Float[np.ndarray, "members titles"]
    probabilities: Float[np.ndarray, "members ranks titles"]  # 0 where there is no candidate
    won: UInt[np.ndarray, "members ranks titles"]  # heads whose best it is, ties counted for all
    tied: Int[np.ndarray, "tied 2"]  # (member, title) where some head has two best


class Workspace:
    """Arrays that `decide` writes its large intermediates to; one a thread.

    Fresh memory for every tile costs page faults, which threads of one process wait for in turn.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """An array of a shape, with whatever was in it."""
        size = int(np.prod(shape))
        held = self._arrays.get(name)
        if held is None or held.size < size or held.dtype != dtype:
            held = self._arrays[name] = np.empty(size, dtype)
        return held[:size].reshape(shape)


def choose_from(
    scores: Float[np.ndarray, "heads members ranks titles"],
    counts: Int[np.ndarray, "..."],
    seeds: UInt64[np.ndarray, "members titles"],
    epsilon: float,
    workspace: Workspace | None = None,
) -> Decided:
    """Votes of the heads, exploration and the draw; −∞ where there is no candidate.

    Args:
        scores: artwork's part of the reward.
        counts: candidates of each title, or of each member's titles.
        seeds: of the decisions.
        epsilon: share of uniform exploration.
        workspace: where to put large intermediates.
    """
    heads, members, _, titles = scores.shape
    room = workspace or Workspace()
    best = room.array("best", (heads, members, 1, titles), np.float32)
    np.maximum.reduce(scores, axis=2, keepdims=True, out=best)
    won = np.equal(scores, best, out=room.array("won", scores.shape, np.bool_))
    small = np.uint8 if heads <= 255 else np.uint32
    counted = np.add.reduce(won.view(np.uint8), axis=0, dtype=small)
    votes = counted / float(heads)
    tied = np.argwhere(counted.sum(1, dtype=np.uint32) != heads)
    if len(tied):
        votes[tied[:, 0], :, tied[:, 1]] = _split_ties(scores, counts, tied)
    chosen = _drawn(votes, counts, uniforms(seeds), epsilon)
    return Decided(*chosen, counted, tied)


def mixed(
    votes: Float[np.ndarray, "..."], there: Bool[np.ndarray, "..."], counts: Int[np.ndarray, "..."],
    epsilon: float,
) -> Float[np.ndarray, "..."]:  # fmt: skip
    """Votes with exploration mixed in, 0 where there is no candidate."""
    return (1 - epsilon) * votes + epsilon * there / counts


def _split_ties(
    scores: np.ndarray, counts: np.ndarray, tied: Int[np.ndarray, "tied 2"]
) -> Float[np.ndarray, "tied ranks"]:
    """Votes of the few decisions in which a head has two best candidates."""
    contested = np.stack([scores[:, member, :, title] for member, title in tied.tolist()])
    valid: Bool[np.ndarray, "tied ranks"] = (
        np.arange(scores.shape[2])
        < np.broadcast_to(counts, (scores.shape[1], scores.shape[3]))[tied[:, 0], tied[:, 1], None]
    )
    return thompson_votes(np.where(valid[:, None], contested, 0.0), valid)


def _drawn(
    votes: Float[np.ndarray, "members ranks titles"],
    counts: Int[np.ndarray, "..."],
    drawn: Float[np.ndarray, "members titles"],
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mix in exploration and pick the candidate whose stretch of [0, 1) holds the draw."""
    ranks = votes.shape[1]
    of_each = counts[..., None, :]
    there = np.arange(ranks)[:, None] < of_each
    probabilities = mixed(votes, there, of_each, epsilon)
    if drawn.size <= SMALL:  # few decisions: few calls rather than little memory
        reached = np.add.accumulate(probabilities, axis=1)
        choice = np.add.reduce(reached <= drawn[:, None], axis=1, dtype=np.int64)
    else:
        reached = np.zeros(drawn.shape)
        choice = np.zeros(drawn.shape, np.int64)
        for rank in range(ranks):
            reached += probabilities[:, rank]
            choice += reached <= drawn
    # Rounding may leave the sum a hair below one: the last candidate with a chance takes the rest.
    np.minimum(choice, counts - 1, out=choice)
    rows, columns = np.arange(drawn.shape[0])[:, None], np.arange(drawn.shape[1])
    propensity = probabilities[rows, choice, columns]
    while not propensity.all():
        choice -= propensity == 0
        propensity = probabilities[rows, choice, columns]
    return choice, propensity, probabilities
