"""At most so many images alike in a row: a switch beside the learnt term, and never the default.

What a row may not show any more is left out of a slot's probabilities, and the rest share its
part: they are exact, given all that stands left. How likely a slot's choice is whatever its
neighbours are then follows from every row there could be, and is not said.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.choice import draw_candidates


class MostAlike(NamedTuple):
    """The limit, and what candidates look like."""

    directions: Float[np.ndarray, "slots pages ranks rank"]
    """Of length 1, or 0: alike to nothing."""
    most: int
    """Images of a row that may be alike to one of them, itself included."""
    cosine: float
    """From which two are alike."""


class Limited(NamedTuple):
    """Rows under a limit."""

    choice: Int[np.ndarray, "pages slots"]
    propensity: Float[np.ndarray, "pages slots"]
    probabilities: Float[np.ndarray, "pages ranks slots"]


def limited_rows(
    given: Float[np.ndarray, "pages left ranks slots"],
    uniforms: Float[np.ndarray, "pages slots"],
    limit: MostAlike,
    free: Bool[np.ndarray, "pages slots"],
) -> Limited:
    """Draw rows from left to right, each slot among what the limit leaves.

    Where it would leave nothing the slot is as without it.

    Args:
        given: probabilities given what stands left, without the limit.
        uniforms: a number in [0, 1) for each slot.
        limit: the limit.
        free: slots that the limit is for; others, which rules decide, are as without it.
    """
    pages, _, ranks, slots = given.shape
    page, left = np.arange(pages), np.zeros(pages, np.int64)
    shown = np.zeros((pages, slots, limit.directions.shape[3]))
    found = Limited(
        np.empty((pages, slots), np.int64),
        np.empty((pages, slots)),
        np.empty((pages, ranks, slots)),
    )
    for at in range(slots):
        chances = given[page, left, :, at]
        near = limit.directions[at] @ shown[:, :at].swapaxes(1, 2) >= limit.cosine
        kept = chances * (near.sum(2) < limit.most)
        total = kept.sum(1, keepdims=True)
        held = free[:, at, None] & (total > 0)
        chances = np.where(held, kept / np.where(total > 0, total, 1.0), chances)
        choice, propensity = draw_candidates(chances[..., None], uniforms[:, at, None])
        left = found.choice[:, at] = choice[:, 0]
        found.propensity[:, at], found.probabilities[..., at] = propensity[:, 0], chances
        shown[:, at] = limit.directions[at][page, left]
    return found
