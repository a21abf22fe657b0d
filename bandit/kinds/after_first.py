"""Kinds chosen after the first, which was decided already: each given it and those before.

The first kind, artwork, goes its own way: maps, rows and rules decide it as they ever did, and its
propensity is what it was. What looks ahead from the artwork to the others would gain a little more
where kinds meet (docs/dimensions.md says how much), and change what every page without them shows.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bandit.choice import choose
from bandit.kinds.in_order import NOT_SHOWN, KindChances, KindChoice, chances_in_order
from bandit.kinds.kind_scores import KindScores, Valid


class ChosenBeside(NamedTuple):
    """What is chosen beside the first kind, and the probabilities of every combination."""

    made: KindChoice
    """Of the other kinds, given the first."""
    combinations: Float[np.ndarray, "decisions first *others"]
    """Joint probability of all, the first kind's own included; sums to one."""


def decide_after_first(
    scores: KindScores,
    valid: Valid,
    first: Int[np.ndarray, " decisions"],
    chances: Float[np.ndarray, "decisions first"],
    epsilon: float,
    uniforms: Float[np.ndarray, "decisions others"],
) -> ChosenBeside:
    """Choose the other kinds, and say the probability of every combination.

    Args:
        scores: of all kinds; what they say of the first by itself is not asked.
        valid: candidates of the other kinds that may be shown.
        first: what is chosen of the first kind.
        chances: probabilities of its candidates.
        epsilon: share of uniform exploration of each other kind.
        uniforms: one for each choice.

    Raises:
        ValueError: as `decide_in_order`.
    """
    steps = _every_step(scores, valid, chances.shape[1], epsilon)
    rows, luck = np.arange(len(first)), uniforms.T
    choice = np.empty(uniforms.shape, np.int64)
    propensity = np.empty(uniforms.shape)
    picked = (rows, first)
    for at, (there, step) in enumerate(zip(valid, steps.steps, strict=True)):
        given = step[picked]
        one = choose(given, luck[at])
        propensity[:, at] = given[rows, one]
        choice[:, at] = np.where(there.any(1), one, NOT_SHOWN)
        picked = (*picked, one)
    return ChosenBeside(KindChoice(choice, propensity), _with_first(steps, chances))


def chances_after_first(
    scores: KindScores, valid: Valid, chances: Float[np.ndarray, "decisions first"], epsilon: float
) -> Float[np.ndarray, "decisions first *others"]:
    """The probability of every combination.

    Args:
        scores: of all kinds.
        valid: candidates of the other kinds.
        chances: probabilities of the first kind's candidates.
        epsilon: share of uniform exploration of each other kind.

    Raises:
        ValueError: as `decide_in_order`.
    """
    return _with_first(_every_step(scores, valid, chances.shape[1], epsilon), chances)


def _every_step(scores: KindScores, valid: Valid, ranks: int, epsilon: float) -> KindChances:
    """Of each other kind, given every candidate of the first and those before."""
    decisions = len(valid[0])
    own = [np.repeat(part, ranks, axis=0) for part in scores.own[1:]]
    for at, part in enumerate(own):
        if (0, at + 1) in scores.pair:  # each candidate of the first as a decision of its own
            own[at] = part + scores.pair[0, at + 1].swapaxes(1, 2).reshape(part.shape)
    pair = {
        (one - 1, other - 1): np.repeat(part, ranks, axis=0)
        for (one, other), part in scores.pair.items()
        if one
    }
    allowed = tuple(np.repeat(there, ranks, axis=0) for there in valid)
    given = chances_in_order(KindScores(tuple(own), pair), allowed, epsilon)
    return KindChances(tuple(s.reshape(decisions, ranks, *s.shape[1:]) for s in given.steps))


def _with_first(
    steps: KindChances, chances: Float[np.ndarray, "decisions first"]
) -> Float[np.ndarray, "decisions first *others"]:
    given = steps.joint
    return chances.reshape(*chances.shape, *[1] * (given.ndim - 2)) * given
