"""Rows of pages decided together, as live does it: exact probabilities, one draw a slot.

The same numbers as `bandit.rows.orchestrate` gives, arranged for the few slots of a page: one pass
from the right over all pages and heads, then all slots' votes at once, whatever stands left of
them. A draw is looked up for every left neighbour, and the row follows from the first.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.choice import draw_candidates
from bandit.floor import mix_exploration
from bandit.head_policy import HeadPolicy
from bandit.rows.most_alike import MostAlike, limited_rows
from bandit.rules.decide import Ruled, within_rules
from bandit.rules.effect import FREE
from bandit.thompson_batch import head_votes


class RowValues(NamedTuple):
    """What each head says that a row is worth: a sum over its slots and pairs of neighbours."""

    own: Float[np.ndarray, "slots pages ranks heads"]
    """Of each candidate in its slot; 0 in slots that a page does not have."""
    beside: Float[np.ndarray, "slots pages ranks left heads"]
    """And beside the candidate left of it; 0 in the first slot, which has nothing left of it, and
    in slots that a page does not have. `decide_rows` writes to it."""


class RowDecided(NamedTuple):
    """Choices of pages' rows, with exact probabilities."""

    choice: Int[np.ndarray, "pages slots"]
    """Rank among the slot's candidates."""
    propensity: Float[np.ndarray, "pages slots"]
    """Of the choice, given what stands left of it: a row's is their product."""
    probabilities: Float[np.ndarray, "pages ranks slots"]
    """Of all candidates, given the same."""
    alone: Float[np.ndarray, "pages slots"]
    """Of the choice in its slot, whatever stands left of it; NaN where a limit is kept, for that
    reads all that does."""


def decide_rows(
    values: RowValues,
    allowed: Bool[np.ndarray, "slots pages ranks"],
    uniforms: Float[np.ndarray, "pages slots"],
    policy: HeadPolicy,
    ruled: Ruled | None = None,
    limit: MostAlike | None = None,
) -> RowDecided:
    """Decide the rows of pages; of short pages the first slots.

    Args:
        values: by head.
        allowed: candidates that there are; one at least in each slot, also in those that a page
            does not have.
        uniforms: a number in [0, 1) for each slot, from a seed of its own.
        policy: how the heads decide.
        ruled: which decisions rules change; `codes` are [pages, slots].
        limit: of images alike in a row; None: there is none.

    Raises:
        ValueError: a score is NaN.
    """
    if ruled is not None:
        allowed = _allowed(allowed, ruled)
    own = policy.considered(values.own, 3)
    own = np.where(allowed[..., None], own, own.dtype.type(-np.inf))
    scores = policy.considered(values.beside, 4)
    slots, pages, ranks, heads = own.shape
    onward = own[-1]
    for at in range(slots - 1, -1, -1):
        scores[at] += onward[:, :, None]
        if at:
            # Heads lie innermost, so this is a few vector maxima and not many of six numbers.
            onward = own[at - 1] + np.maximum.reduce(scores[at], axis=1)
    turned = np.ascontiguousarray(scores.transpose(4, 1, 3, 2, 0)).reshape(heads, -1, ranks, slots)
    there = np.repeat(allowed.transpose(1, 2, 0), ranks, axis=0)
    chances = mix_exploration(
        head_votes(turned, there).share, there, there.sum(1, keepdims=True), policy.exploration
    )
    if ruled is not None:
        _bound(chances, ruled, policy.exploration)
    given = chances.reshape(pages, ranks, ranks, slots)
    if limit is not None:
        free = np.ones(uniforms.shape, bool) if ruled is None else ruled.codes == 0
        rows = limited_rows(given, uniforms, limit, free)
        return RowDecided(*rows, np.full(uniforms.shape, np.nan))
    choices, propensities = draw_candidates(chances, np.repeat(uniforms, ranks, axis=0))
    return _followed(
        given, choices.reshape(pages, ranks, slots), propensities.reshape(pages, ranks, slots)
    )


def _followed(
    given: Float[np.ndarray, "pages left ranks slots"],
    choices: Int[np.ndarray, "pages left slots"],
    propensities: Float[np.ndarray, "pages left slots"],
) -> RowDecided:
    """The rows that follow from their first slots, and how likely each slot's choice is alone."""
    pages, slots = len(given), given.shape[3]
    page = np.arange(pages)
    choice = np.empty((pages, slots), np.int64)
    left, alone = np.zeros((pages, slots), np.int64), np.empty((pages, slots))
    reach = given[:, 0, :, 0]
    for at in range(slots):
        if at:
            left[:, at] = choice[:, at - 1]
            reach = (reach[:, None] @ given[..., at])[:, 0]
        choice[:, at] = choices[page, left[:, at], at]
        alone[:, at] = reach[page, choice[:, at]]
    each, every = page[:, None], np.arange(slots)
    return RowDecided(
        choice,
        propensities[each, left, every],
        given[each, left, :, every].swapaxes(1, 2),
        np.minimum(alone, 1.0),
    )


def _allowed(
    allowed: Bool[np.ndarray, "slots pages ranks"], ruled: Ruled
) -> Bool[np.ndarray, "slots pages ranks"]:
    """What rules leave, so that a row is planned with it; of pinned candidates those alone."""
    allowed = allowed.copy()
    page, slot = np.nonzero(ruled.codes)
    codes = ruled.codes[page, slot]
    left = ruled.effects.allowed[codes][:, : allowed.shape[2]]
    pinned = ruled.effects.pinned[codes]
    certain = np.flatnonzero(pinned != FREE)
    left[certain] = False
    left[certain, pinned[certain]] = True
    allowed[slot, page] = left
    return allowed


def _bound(chances: Float[np.ndarray, "given ranks slots"], ruled: Ruled, share: float) -> None:
    """Floors and caps on the conditional probabilities of the slots that rules change."""
    ranks = chances.shape[1]
    page, slot = np.nonzero(ruled.codes)
    given = (page[:, None] * ranks + np.arange(ranks)).ravel()
    slots, codes = np.repeat(slot, ranks), np.repeat(ruled.codes[page, slot], ranks)
    # Those of other titles have room for more candidates than any title of these pages has.
    wide = np.zeros((len(given), ruled.effects.allowed.shape[1]))
    wide[:, :ranks] = chances[given, :, slots]
    chances[given, :, slots] = within_rules(wide, ruled.effects, codes, share)[:, :ranks]
