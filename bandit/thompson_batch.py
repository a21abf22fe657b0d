"""The kernel: votes of the heads, exploration and the draw, for members × titles at once.

Every probability and choice of the product comes from here: of pages and maps in blocks, of
files and logs through `bandit.probabilities`, whose decisions lie in one row of titles. Candidates
lie one behind another with the titles innermost, so the best of six is five vector maxima over all
titles and not an argmax of six, 300 times.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt, UInt64

from bandit.choice import draw_candidates, uniforms
from bandit.floor import mix_exploration
from bandit.head_policy import HeadPolicy

NOT_A_NUMBER = "a score is NaN; mend the model or mask the candidate"
NOBODY = np.empty((0, 2), np.int64)


class Votes(NamedTuple):
    """How the heads vote on the candidates of members × titles."""

    share: Float[np.ndarray, "members ranks titles"]  # sums to one over ranks, ties split
    won: UInt[np.ndarray, "members ranks titles"]  # heads whose best it is, ties counted for all
    tied: Int[np.ndarray, "tied 2"]  # (member, title) where some head has two best


class Decided(NamedTuple):
    """Choices of a block of members for all titles of a bank."""

    choice: Int[np.ndarray, "members titles"]  # rank among the title's candidates
    propensity: Float[np.ndarray, "members titles"]
    probabilities: Float[np.ndarray, "members ranks titles"]  # 0 where there is no candidate
    votes: Votes


class Workspace:
    """Arrays that the kernel writes its large intermediates to; one a thread.

    Fresh memory for every tile costs page faults, which threads of one process wait for in turn.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type | np.dtype) -> np.ndarray:
        """An array of a shape, with whatever was in it."""
        size = math.prod(shape)
        held = self._arrays.get(name)
        if held is None or held.size < size or held.dtype != dtype:
            held = self._arrays[name] = np.empty(size, dtype)
        return held[:size].reshape(shape)


def head_votes(
    scores: Float[np.ndarray, "heads members ranks titles"],
    there: Bool[np.ndarray, "#members ranks titles"],
    workspace: Workspace | None = None,
) -> Votes:
    """The share of the heads whose best candidate each is.

    Args:
        scores: −∞ where there is no candidate.
        there: whether there is one.
        workspace: where to put large intermediates.

    Raises:
        ValueError: a score is NaN.
    """
    heads, members, _, titles = scores.shape
    room = workspace or Workspace()
    best = room.array("best", (heads, members, 1, titles), scores.dtype)
    np.maximum.reduce(scores, axis=2, keepdims=True, out=best)
    if np.isnan(np.add.reduce(best, axis=None)):  # a tie beside it would hide it from the counts
        raise ValueError(NOT_A_NUMBER)
    won = np.equal(scores, best, out=room.array("won", scores.shape, np.bool_))
    small = np.uint8 if heads <= 255 else np.uint32
    counted = np.add.reduce(won.view(np.uint8), axis=0, dtype=small)
    share = counted / float(heads)
    uneven = np.add.reduce(counted, axis=1, dtype=np.uint32) != heads
    tied = NOBODY
    if uneven.any():
        tied = np.argwhere(uneven)
        member, title = tied.T
        share[member, :, title] = _split_ties(
            won[:, member, :, title],
            np.broadcast_to(there, share.shape)[member, :, title],
        )
    return Votes(share, counted, tied)


def decide_scores(
    scores: Float[np.ndarray, "heads members ranks titles"],
    counts: Int[np.ndarray, "#members titles"] | Int[np.ndarray, " titles"],
    seeds: UInt64[np.ndarray, "members titles"],
    policy: HeadPolicy,
    workspace: Workspace | None = None,
    before: Int[np.ndarray, "members titles"] | None = None,
    keep: float = 0.0,
) -> Decided:
    """Votes of the heads, exploration and the draw.

    Args:
        scores: artwork's part of the reward; −∞ where there is no candidate.
        counts: candidates of each title, or of each member's titles.
        seeds: of the decisions.
        policy: how the heads decide.
        workspace: where to put large intermediates.
        before: rank of what was shown before, −1 where nothing was; None: nowhere.
        keep: share of the votes that go to it, see `bandit.floor.sticky_votes`.

    Raises:
        ValueError: a score is NaN.
    """
    of_each = np.atleast_2d(counts)[:, None]
    there = np.arange(scores.shape[2])[:, None] < of_each
    votes = head_votes(policy.considered(scores, 0), there, workspace)
    share = votes.share if before is None or not keep else _leant(votes.share, before, keep)
    probabilities = mix_exploration(share, there, of_each, policy.exploration)
    choice, propensity = draw_candidates(probabilities, uniforms(seeds))
    return Decided(choice, propensity, probabilities, votes)


def _leant(
    share: Float[np.ndarray, "members ranks titles"],
    before: Int[np.ndarray, "members titles"],
    keep: float,
) -> Float[np.ndarray, "members ranks titles"]:
    """Votes of which a share goes to what was shown before."""
    had = before >= 0
    leant = share * np.where(had, 1 - keep, 1.0)[:, None]
    members, titles = np.nonzero(had)
    leant[members, before[members, titles], titles] += keep
    return leant


def _split_ties(
    won: Bool[np.ndarray, "tied heads ranks"], there: Bool[np.ndarray, "tied ranks"]
) -> Float[np.ndarray, "tied ranks"]:
    """Votes of the few decisions in which a head has two best candidates."""
    winners = won & there[:, None]
    each = winners.sum(2, keepdims=True)
    return (winners / each).mean(1)
