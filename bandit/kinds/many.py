"""Kinds beside artwork, of many decisions at once: what `decide_after_first` says of one by one.

Precompute decides members × titles. What two assets are worth together follows from the title
alone, and so it is worked out once; what is left of a decision are sums over its candidates, which
lie one behind another with the decisions innermost, as the kernel has them. A new draw leans
towards what was shown before as artwork does: where the artwork stays, and the kinds before.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt16, UInt64

from bandit.choice import draw_candidates, mix_words
from bandit.floor import mix_exploration
from bandit.kinds.in_order import NOT_SHOWN
from bandit.thompson_batch import Votes, head_votes

PARTS = 12
"""Of one head's vote: ties of two, three and four are whole numbers of them."""
UNKNOWN = 65_535
"""In place of a code, of a tie that no number of parts stands for."""
Pick = int | Int[np.ndarray, " decisions"]


class Leaning(NamedTuple):
    """How chances follow from votes."""

    heads: int
    """That vote."""
    epsilon: float
    """Share of even draws of each kind."""
    keep: float
    """Share of what was shown before, where the artwork and the kinds before it are."""

    @property
    def shares(self) -> Float[np.ndarray, " codes"]:
        """The share that each code stands for, before even draws are mixed in.

        Codes go by parts of votes, and whether something was shown before: first where nothing was,
        then where it was another, then where it was this.
        """
        votes = np.arange(PARTS * self.heads + 1) / float(PARTS * self.heads)
        return np.concatenate([votes, (1 - self.keep) * votes, (1 - self.keep) * votes + self.keep])

    def chances(
        self,
        codes: UInt16[np.ndarray, "*decisions candidates"],
        there: Bool[np.ndarray, "*decisions candidates"],
    ) -> Float[np.ndarray, "*decisions candidates"]:
        """What codes stand for; NaN of UNKNOWN.

        Args:
            codes: of candidates.
            there: those that could be shown; one at least of each decision.
        """
        shares = self.shares
        found = np.where(codes < len(shares), shares[np.minimum(codes, len(shares) - 1)], np.nan)
        return mix_exploration(found, there, there.sum(-1, keepdims=True), self.epsilon)


class ManyKinds(NamedTuple):
    """What heads say of decisions, of titles that have as many candidates."""

    own: Sequence[Float[np.ndarray, "heads candidates decisions"]]
    """Of each kind beside the artwork."""
    pair: Mapping[tuple[int, int], Float[np.ndarray, "heads one other titles"]]
    """By two kinds, the earlier first; artwork is 0. A pair that is left out adds nothing."""
    title: Int[np.ndarray, " decisions"]
    """Place of each decision's title in pairs."""
    allowed: Sequence[Bool[np.ndarray, "candidates decisions"]]
    """Of each kind; none: it is not shown."""
    ranks: int
    """Candidates of the artwork."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Candidates of the artwork and of each kind."""
        return self.ranks, *(len(of) for of in self.allowed)


class ManyChosen(NamedTuple):
    """What is chosen beside the artwork of many decisions."""

    choice: Int[np.ndarray, "kinds decisions"]
    """NOT_SHOWN of a kind without a candidate."""
    propensity: Float[np.ndarray, "kinds decisions"]
    """Exact, given the artwork and the kinds before; 1 of a kind that is not shown."""
    codes: UInt16[np.ndarray, "decisions steps"] | None
    """Of every candidate after everything that may stand before it: kind by kind, as
    `steps_of` counts them; None: not asked for."""


def steps_of(sizes: Sequence[int]) -> int:
    """Codes of a decision of the artwork's candidates and those of each kind."""
    return sum(int(np.prod(sizes[: at + 1])) for at in range(1, len(sizes)))


def candidates_with_kinds(
    candidates: UInt64[np.ndarray, "..."], words: UInt64[np.ndarray, "..."]
) -> UInt64[np.ndarray, "..."]:
    """What `bandit.draws.context_words` is given of candidates where others are drawn beside them.

    Args:
        candidates: from `bandit.draws.candidate_words`, after rules.
        words: of what may be shown beside each title's artwork; 0: nothing.
    """
    return np.where(words != 0, mix_words(candidates ^ words), candidates)


def decide_many(
    of: ManyKinds,
    first: Int[np.ndarray, " decisions"],
    had: Int[np.ndarray, "all_kinds decisions"],
    luck: Float[np.ndarray, "kinds decisions"],
    leaning: Leaning,
    every: bool,
) -> ManyChosen:
    """Choose kind by kind, each given the artwork and the kinds before.

    Args:
        of: what heads say of the decisions.
        first: candidate of the artwork that is shown.
        had: candidate that was shown before, of the artwork and of each kind; below 0: none, or it
            is no candidate now.
        luck: a number in [0, 1) for each choice.
        leaning: how chances follow from votes.
        every: say the codes of all combinations.

    Raises:
        ValueError: a score is NaN.
    """
    tree, sizes = _Tree(of, had, leaning), of.sizes
    choice = np.empty(luck.shape, np.int64)
    propensity, codes = np.empty(luck.shape), list[np.ndarray]()
    path: list[Pick] = [first]
    rows = np.arange(len(first))
    for at in range(len(of.own)):
        if every:
            steps = [tree.step(at, before) for before in product(*map(range, sizes[: at + 1]))]
            place = np.ravel_multi_index(tuple(path), sizes[: at + 1])
            given = np.stack([chances for chances, _ in steps])[place, :, rows].T
            codes += [code for _, code in steps]
        else:
            given, _ = tree.step(at, tuple(path))
        one, chance = draw_candidates(given[None], luck[at][None])
        path.append(one[0])
        choice[at] = np.where(tree.shown[at], one[0], NOT_SHOWN)
        propensity[at] = chance[0]
    return ManyChosen(choice, propensity, np.concatenate(codes).T if every else None)


class _Tree:
    """Combinations of decisions, kind by kind."""

    def __init__(
        self, of: ManyKinds, had: Int[np.ndarray, "all_kinds decisions"], leaning: Leaning
    ) -> None:
        self.of, self.had, self.leaning = of, had, leaning
        self.shown = [allowed.any(0) for allowed in of.allowed]
        self.there, self.own = list[np.ndarray](), list[np.ndarray]()
        for own, allowed, shown in zip(of.own, of.allowed, self.shown, strict=True):
            there = allowed.copy()
            there[0, ~shown] = True  # candidate 0 stands for a kind's absence
            self.there.append(there)
            self.own.append(np.where(there, np.where(shown, own, 0), -np.inf))

    def scores(
        self, at: int, path: tuple[Pick, ...]
    ) -> Float[np.ndarray, "heads candidates decisions"]:
        """The best that any combination with each candidate, and what stands before, may reach."""
        total = self.own[at]
        for one, pick in enumerate(path):
            if (one, at + 1) in self.of.pair:
                total = total + self._crossed(one, at, pick)
        if at + 1 < len(self.own):
            later = [self.scores(at + 1, (*path, c)).max(1) for c in range(total.shape[1])]
            total = total + np.stack(later, 1)
        return total

    def step(
        self, at: int, path: tuple[Pick, ...]
    ) -> tuple[
        Float[np.ndarray, "candidates decisions"], UInt16[np.ndarray, "candidates decisions"]
    ]:
        """Chances of a kind's candidates given what stands before, and their codes."""
        there, leaning = self.there[at], self.leaning
        votes = head_votes(self.scores(at, path)[:, None], there[None])
        before = self._before(at, path)
        codes = _coded(votes, before, leaning.heads)
        chances = leaning.chances(codes.T, there.T).T
        if (strange := (codes == UNKNOWN).any(0)).any():
            share = votes.share[0].copy()
            if (leant := np.flatnonzero(before >= 0)).size:
                share[:, leant] *= 1 - leaning.keep
                share[before[leant], leant] += leaning.keep
            mixed = mix_exploration(share, there, there.sum(0), leaning.epsilon)
            chances[:, strange] = mixed[:, strange]
        return chances, codes

    def _before(self, at: int, path: tuple[Pick, ...]) -> Int[np.ndarray, " decisions"]:
        """What was shown of a kind, where all before it is what it was; −1 elsewhere."""
        own = self.had[at + 1]
        if not self.leaning.keep:
            return np.full(len(own), -1)
        stays = self.shown[at] & (own >= 0) & self.there[at][own, np.arange(len(own))]
        for one, (pick, had) in enumerate(zip(path, self.had, strict=False)):
            same = had == pick
            stays &= same if not one else same | (~self.shown[one - 1] & (had < 0))
        return np.where(stays, own, -1)

    def _crossed(
        self, one: int, at: int, pick: Pick
    ) -> Float[np.ndarray, "heads candidates decisions"]:
        pair, title = self.of.pair[one, at + 1], self.of.title
        if isinstance(pick, int):
            part = pair[:, pick].take(title, axis=2)
        else:
            part = pair[:, pick, :, title].transpose(1, 2, 0)
        both = self.shown[at] if not one else self.shown[at] & self.shown[one - 1]
        return part if both.all() else np.where(both, part, 0)


def _coded(
    votes: Votes, before: Int[np.ndarray, " decisions"], heads: int
) -> UInt16[np.ndarray, "candidates decisions"]:
    """Votes as codes, by what was shown before."""
    parts = votes.won[0].astype(np.int64) * PARTS
    if len(votes.tied):
        tied = votes.tied[:, 1]
        exact = votes.share[0][:, tied] * (PARTS * heads)
        whole = np.rint(exact)
        known = (np.abs(exact - whole) < 1e-6).all(0)
        parts[:, tied] = np.where(known, whole, UNKNOWN)
    leant = np.flatnonzero((before >= 0) & (parts[0] != UNKNOWN))
    if leant.size:
        parts[:, leant] += PARTS * heads + 1
        parts[before[leant], leant] += PARTS * heads + 1
    return np.minimum(parts, UNKNOWN).astype(np.uint16)


def combinations_of(
    codes: UInt16[np.ndarray, "decisions steps"],
    sizes: Sequence[int],
    kept: Sequence[Int[np.ndarray, " some"]],
    chances: Float[np.ndarray, "decisions artworks"],
    leaning: Leaning,
) -> Float[np.ndarray, "decisions combinations"]:
    """The joint probability of every combination, the last kind innermost; NaN: it is unknown.

    Args:
        codes: as `decide_many` says them.
        sizes: candidates of the artwork and of each kind.
        kept: of each kind, candidates that could be shown; the first alone of one that was not.
        chances: of the artwork's candidates.
        leaning: how chances follow from votes.
    """
    joint, begin = chances, 0
    for at, size in enumerate(sizes[1:]):
        count = int(np.prod(sizes[: at + 1])) * size
        given = codes[:, begin : begin + count].reshape(len(codes), -1, size)
        there = np.isin(np.arange(size), kept[at])
        step = leaning.chances(given, np.broadcast_to(there, given.shape))
        step = step.reshape(len(codes), *sizes[: at + 1], size)
        for axis, some in enumerate(kept[: at + 1], 2):
            step = step.take(some, axis)
        joint, begin = joint[..., None] * step, begin + count
    return joint.reshape(len(codes), -1)
