"""Decisions under rules: those few of a block that rules have to do with, decided by them.

The kernel decides a block of members as if there were no rules (`bandit.thompson_batch`), which
costs nothing more; the decisions that a rule changes are then made anew from the same scores and
seeds. Nothing of the first choice enters the second. Of a few pages, where the number of NumPy
calls is what counts, all decisions are made at once, to the same bits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from bandit.choice import draw_candidates, uniforms
from bandit.floor import mix_exploration, sticky_votes
from bandit.head_policy import HeadPolicy
from bandit.rules.bounded import least_chances, within_bounds
from bandit.rules.effect import FREE, Effect
from bandit.thompson_batch import Decided, decide_scores, head_votes

PAIRS = 1 << 14
"""Ruled decisions made at once, which bounds memory."""


class RuleEffects(NamedTuple):
    """Effects of rules side by side; the first stands for none, and forbids nothing."""

    allowed: Bool[np.ndarray, "effects ranks"]
    floors: Float[np.ndarray, "effects ranks"]
    caps: Float[np.ndarray, "effects ranks"]
    pinned: Int[np.ndarray, " effects"]
    words: UInt64[np.ndarray, " effects"]
    odd: Bool[np.ndarray, " effects"]
    """Bounded or pinned: more than that something may not be shown."""
    explored: dict[float, Float[np.ndarray, "effects 2 ranks"]]
    """Share of exploration → the least and the greatest probability of each candidate."""

    @staticmethod
    def of(effects: Sequence[Effect | None], ranks: int) -> "RuleEffects":
        """RuleEffects on titles of up to so many candidates; None: there is none."""
        count = len(effects)
        stacked = RuleEffects(
            np.zeros((count, ranks), bool),
            np.zeros((count, ranks)),
            np.zeros((count, ranks)),
            np.full(count, FREE),
            np.zeros(count, np.uint64),
            np.zeros(count, bool),
            {},
        )
        stacked.allowed[:1] = True
        for at, effect in enumerate(effects):
            if effect is not None:
                stacked.put(at, effect)
        return stacked

    def put(self, at: int, effect: Effect) -> None:
        """Write one down."""
        size = len(effect.allowed)
        self.allowed[at] = False
        self.allowed[at, :size] = effect.allowed
        self.floors[at, :size] = effect.floors
        self.caps[at, :size] = effect.caps
        self.pinned[at] = effect.pinned
        self.words[at] = effect.word
        self.odd[at] = effect.bounded or effect.pinned != FREE
        for epsilon, bounds in self.explored.items():
            bounds[at] = self._bounds(epsilon, slice(at, at + 1))[0]

    def bounds(self, epsilon: float) -> Float[np.ndarray, "effects 2 ranks"]:
        """The least and the greatest probability of each candidate, worked out once.

        Args:
            epsilon: share of uniform exploration.
        """
        found = self.explored.get(epsilon)
        if found is None:
            found = self.explored[epsilon] = self._bounds(epsilon, slice(None))
        return found

    def _bounds(self, epsilon: float, at: slice) -> Float[np.ndarray, "some 2 ranks"]:
        least = least_chances(self.allowed[at], self.floors[at], self.caps[at], epsilon)
        bounds = np.stack([least, self.caps[at]], 1)
        pinned = self.pinned[at]
        certain = np.flatnonzero(pinned != FREE)
        bounds[certain] = 0.0
        bounds[certain, :, pinned[certain]] = 1.0
        return bounds

    def with_room(self) -> "RuleEffects":
        """The same with room for as many again."""
        more = RuleEffects.of([None] * len(self.words), self.allowed.shape[1])
        both = zip(self[:-1], more[:-1], strict=True)
        return RuleEffects._make([*(np.concatenate(each) for each in both), {}])


class Ruled(NamedTuple):
    """Which decisions of a block rules change, and how."""

    codes: Int[np.ndarray, "members titles"]
    """Place in `effects`; 0: no rule changes the decision."""
    effects: RuleEffects

    @property
    def words(self) -> UInt64[np.ndarray, "members titles"]:
        """What seeds mix in of each decision's effect; 0: there is none."""
        return self.effects.words[self.codes]


def candidates_under_rules(
    candidates: UInt64[np.ndarray, "..."], words: UInt64[np.ndarray, "..."]
) -> UInt64[np.ndarray, "..."]:
    """What `bandit.draws.context_words` is given of candidates: after rules.

    Args:
        candidates: from `bandit.draws.candidate_words`.
        words: of the effects of rules, 0 where there is none: they hash what is left.
    """
    return np.where(words != 0, words, candidates)


def decide_again(
    decided: Decided,
    scores: Float[np.ndarray, "heads members ranks titles"],
    ruled: Ruled,
    seeds: UInt64[np.ndarray, "members titles"],
    policy: HeadPolicy,
    before: Int[np.ndarray, "members titles"] | None = None,
    keep: float = 0.0,
) -> None:
    """Put the decisions that rules change in the place of those made without them.

    Choices, propensities and probabilities are written; `decided.votes` of these decisions means
    nothing afterwards. A candidate that is not allowed has probability exactly 0, a pinned one 1.

    Args:
        decided: by `bandit.thompson_batch.decide_scores`, of the same arguments.
        scores: as given there.
        ruled: the decisions that rules change.
        seeds: as given there.
        policy: as given there.
        before: as given there; what may not be shown any more is not leant towards.
        keep: as given there.

    Raises:
        ValueError: a score is NaN.
    """
    members, titles = np.nonzero(ruled.codes)
    for start in range(0, len(members), PAIRS):
        member, title = members[start : start + PAIRS], titles[start : start + PAIRS]
        had = None if before is None else before[member, title]
        chances = ruled_probabilities(
            scores[:, member, :, title],
            ruled.effects,
            ruled.codes[member, title],
            policy,
            had,
            keep,
        )
        numbers = uniforms(seeds[member, title])
        choice, propensity = draw_candidates(chances.T[None], numbers[None])
        decided.choice[member, title] = choice[0]
        decided.propensity[member, title] = propensity[0]
        decided.probabilities[member, :, title] = chances


def decide_under_rules(
    scores: Float[np.ndarray, "heads pages ranks titles"],
    counts: Int[np.ndarray, "pages titles"],
    seeds: UInt64[np.ndarray, "pages titles"],
    policy: HeadPolicy,
    ruled: Ruled | None,
) -> Decided:
    """`decide_scores`, and `decide_again` where rules change something, in one pass.

    Args:
        scores: artwork's part of the reward; −∞ where there is no candidate, and written to.
        counts: candidates of each page's titles, without rules.
        seeds: of the decisions.
        policy: how the heads decide.
        ruled: the decisions that rules change; None: none.

    Raises:
        ValueError: a score of what may be shown is NaN.
    """
    if ruled is None:
        return decide_scores(scores, counts, seeds, policy)
    effects, codes = ruled.effects, ruled.codes
    there = np.arange(scores.shape[2])[:, None] < counts[:, None]
    there &= effects.allowed[codes].swapaxes(1, 2)
    np.copyto(scores, -np.inf, where=~there)
    votes = head_votes(policy.considered(scores, 0), there)
    left = np.add.reduce(there, axis=1, keepdims=True)
    chances = mix_exploration(votes.share, there, left, policy.exploration)
    page, title = effects.odd[codes].nonzero()
    if len(page):
        bounds = effects.bounds(policy.exploration)[codes[page, title]]
        at = page, slice(None), title
        chances[at] = within_bounds(chances[at], bounds[:, 0], bounds[:, 1])
    choice, propensity = draw_candidates(chances, uniforms(seeds))
    return Decided(choice, propensity, chances, votes)


def ruled_probabilities(
    scores: Float[np.ndarray, "pairs heads ranks"],
    effects: RuleEffects,
    codes: Int[np.ndarray, " pairs"],
    policy: HeadPolicy,
    before: Int[np.ndarray, " pairs"] | None = None,
    keep: float = 0.0,
) -> Float[np.ndarray, "pairs ranks"]:
    """Probabilities of candidates under rules, decision by decision.

    Args:
        scores: of every head.
        effects: of rules.
        codes: which effect each decision has.
        policy: how the heads decide.
        before: rank of what was shown before, −1: nothing was.
        keep: share of the votes that goes to it.

    Raises:
        ValueError: a score is NaN.
    """
    allowed = effects.allowed[codes]
    masked = np.where(allowed[:, None], scores, np.float32(-np.inf))
    turned = np.ascontiguousarray(masked.transpose(1, 2, 0))[:, None]
    there = np.ascontiguousarray(allowed.T)[None]
    share = head_votes(policy.considered(turned, 0), there).share[0].T
    if before is not None and keep:
        rows = np.arange(len(before))
        may = (before >= 0) & allowed[rows, np.maximum(before, 0)]
        share = sticky_votes(share, np.where(may, before, -1), keep)
    counts = allowed.sum(1, keepdims=True)
    chances = mix_exploration(share, allowed, counts, policy.exploration)
    return within_rules(chances, effects, codes, policy.exploration)


def within_rules(
    chances: Float[np.ndarray, "pairs ranks"],
    effects: RuleEffects,
    codes: Int[np.ndarray, " pairs"],
    exploration: float,
) -> Float[np.ndarray, "pairs ranks"]:
    """Probabilities of what is allowed, within floors and caps; a pinned candidate's is 1.

    Args:
        chances: with exploration, 0 where nothing is allowed; written to.
        effects: of rules.
        codes: which effect each decision has.
        exploration: share of uniform exploration in them.
    """
    odd = np.flatnonzero(effects.odd[codes])
    if len(odd):
        bounds = effects.bounds(exploration)[codes[odd]]
        chances[odd] = within_bounds(chances[odd], bounds[:, 0], bounds[:, 1])
    return chances
