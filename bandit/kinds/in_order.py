"""Choosing kinds in the order in which a surface shows them, each given those before it.

A candidate's score is the best that any combination with it, and with what is already chosen, is
worth to a head; each kind is then decided by Thompson sampling as a single decision is. Hill,
Nassif, Liu, Iyer and Vishwanathan (2017), "An Efficient Bandit Algorithm for Realtime Multivariate
Optimization", KDD, sample once and climb; here every choice has its exact probability instead, and
the joint one is their product. Where pairs add nothing, kinds are decided each by itself.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt64

from bandit.choice import choose, mix_words
from bandit.kinds.kind_scores import KindScores, Valid, present
from bandit.thompson import thompson_probabilities

NOT_SHOWN = -1
"""In place of a choice, of a kind that the surface does not show."""


class KindChoice(NamedTuple):
    """What is chosen of each kind."""

    choice: Int[np.ndarray, "decisions kinds"]
    """`NOT_SHOWN` of kinds that are not."""
    propensity: Float[np.ndarray, "decisions kinds"]
    """Exact, given what is chosen of the kinds before; 1 of kinds that are not shown."""

    @property
    def joint(self) -> Float[np.ndarray, " decisions"]:
        """Probability of the combination: the product."""
        return self.propensity.prod(1)


class KindChances(NamedTuple):
    """Probabilities of every combination, kind by kind."""

    steps: tuple[Float[np.ndarray, " decisions *chosen"], ...]
    """Of each kind given those before it: one axis more a kind."""

    @property
    def joint(self) -> Float[np.ndarray, " decisions *combinations"]:
        """Probability of each combination; sums to one. Candidate 0 stands for an absent kind."""
        product = self.steps[0]
        for step in self.steps[1:]:
            product = product[..., None] * step
        return product


def decide_in_order(
    scores: KindScores,
    valid: Valid,
    epsilon: float,
    uniforms: Float[np.ndarray, "decisions kinds"],
) -> KindChoice:
    """Choose, by a number in [0, 1) a kind from the kind's own seed (`kind_seeds`).

    Args:
        scores: of the heads.
        valid: candidates that may be shown.
        epsilon: share of uniform exploration of each kind.
        uniforms: one for each choice.

    Raises:
        ValueError: shapes disagree, combinations are too many, a score is NaN, no kind is shown, or
            epsilon is outside [0, 1].
    """
    total = scores.totals(valid)
    _refuse_empty(valid)
    decisions = np.arange(len(total))
    choice = np.empty(uniforms.shape, np.int64)
    propensity = np.empty(uniforms.shape)
    for at, there in enumerate(valid):
        best = _best_onward(total, 1)
        chances = thompson_probabilities(best, present(there), epsilon)
        choice[:, at] = choose(chances, uniforms[:, at])
        propensity[:, at] = chances[decisions, choice[:, at]]
        total = total[decisions, :, choice[:, at]]
        choice[~there.any(1), at] = NOT_SHOWN
    return KindChoice(choice, propensity)


def chances_in_order(scores: KindScores, valid: Valid, epsilon: float) -> KindChances:
    """What `decide_in_order` chooses, as probabilities of every combination: to judge a policy.

    Raises:
        ValueError: as `decide_in_order`.
    """
    total = scores.totals(valid)
    _refuse_empty(valid)
    decisions, heads = total.shape[:2]
    steps = []
    for at, there in enumerate(valid):
        best = np.moveaxis(_best_onward(total, at + 1), 1, -2)  # decisions, chosen, heads, own
        before, size = best.shape[1:-2], best.shape[-1]
        flat = best.reshape(-1, heads, size)
        allowed = np.repeat(present(there), int(np.prod(before)), axis=0)
        # What may not stand before has no chance; its own step is any distribution.
        flat = np.where(np.isneginf(flat), 0.0, flat)
        chances = thompson_probabilities(flat, allowed, epsilon)
        steps.append(chances.reshape(decisions, *before, size))
    return KindChances(tuple(steps))


def kind_seeds(
    seeds: UInt64[np.ndarray, " decisions"], words: UInt64[np.ndarray, " kinds"]
) -> UInt64[np.ndarray, "decisions kinds"]:
    """Seeds of each kind's choice, from the decision's; a word of 0 keeps it.

    Artwork has word 0: a surface that shows artwork alone draws what it drew before there were
    other kinds.
    """
    mixed = mix_words(seeds[:, None] ^ words)
    return np.where(words == 0, seeds[:, None], mixed)


def _best_onward(
    total: Float[np.ndarray, "decisions heads *combinations"], kept: int
) -> Float[np.ndarray, "decisions heads *kept"]:
    """The best score that each candidate of a kind may still reach."""
    later = tuple(range(2 + kept, total.ndim))
    return total.max(later) if later else total


def _refuse_empty(valid: Valid) -> None:
    shown = np.stack([there.any(1) for there in valid], 1).any(1)
    if not shown.all():
        raise ValueError(
            f"decision row {int(shown.argmin())} shows no kind; give a kind a valid candidate"
        )
