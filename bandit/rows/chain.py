"""Rows drawn by a chain of weights: what a look-up does, which has no heads to ask.

Each title keeps a few candidates with a log weight each, and each pair of neighbours adds to it. A
row's probability is proportional to the product of all of them, so a slot's choice given its left
neighbour has an exact probability: one pass from the right sums over all that may follow, as
`bandit.rows.orchestrate` takes the best of it. Exploration comes first and asks nobody.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.choice import UNIT

FURTHEST = 150.0
"""Log weights, and what neighbours add, are cut here: sums of a chain then stay within doubles."""


class ChainTitles(NamedTuple):
    """What the titles of pages may show, and what their left neighbours add."""

    weights: Float[np.ndarray, "pages slots kept"]
    """Logs, of the kept candidates; −∞: it may not be shown. A title of fewer repeats ranks."""
    tilts: Float[np.ndarray, "pages slots left kept"]
    """What each candidate of the slot before adds to them; 0 in the first slot."""
    ranks: Int[np.ndarray, "pages slots kept"]
    """Of the kept among all candidates of their title, which `left` counts."""
    may: Bool[np.ndarray, "pages slots candidates"]
    """Candidates that exploration may show."""
    even: Float[np.ndarray, "pages slots"]
    """What it gives each of them."""
    share: Float[np.ndarray, "pages slots"]
    """Of exploration: 1 where nothing kept may be shown, 0 where there is nothing to draw."""
    explored: Int[np.ndarray, "pages slots"]
    """Rank that is shown where the draw explores."""


class ChainDrawn(NamedTuple):
    """Rows that were drawn."""

    choice: Int[np.ndarray, "pages slots"]
    """Rank of each choice."""
    propensity: Float[np.ndarray, "pages slots"]
    """Of the choice, given what stands left of it: a row's is their product."""
    given: Float[np.ndarray, "pages slots left kept"]
    """Probabilities of the kept where a slot does not explore, given each left neighbour."""


def chain_chances(titles: ChainTitles) -> Float[np.ndarray, "pages slots left kept"]:
    """Probabilities of the kept candidates where nothing is explored, given the left neighbour."""
    weights = titles.weights
    # Where nothing kept may be shown all is explored, and any numbers will do.
    weights = np.where(np.isfinite(weights).any(2, keepdims=True), weights, 0.0)
    there = np.exp(np.maximum(weights, -FURTHEST)) * (weights > -np.inf)
    tilts = np.minimum(np.maximum(titles.tilts, -FURTHEST), FURTHEST)
    given = np.exp(tilts - tilts.max((2, 3), keepdims=True))
    given *= there[:, :, None]
    pages, slots, kept = weights.shape
    page = np.arange(pages)[:, None, None]
    steps = given[:, 1:][page, np.arange(slots - 1)[:, None], titles.ranks[:, :-1]]
    onward = np.ones((slots, pages, kept, 1))
    for at in range(slots - 1, 0, -1):
        sums = np.matmul(steps[:, at - 1], onward[at])
        np.divide(sums, sums[:, :1], out=onward[at - 1])
    given *= onward.transpose(1, 0, 3, 2)
    given /= np.add.reduce(given, axis=3, keepdims=True)
    return given


def draw_chain(titles: ChainTitles, uniforms: Float[np.ndarray, "pages slots"]) -> ChainDrawn:
    """Draw rows from left to right.

    Args:
        titles: of pages that have as many slots each.
        uniforms: in [0, 1), one a slot; the part below a slot's share explores, and `explored` must
            follow from no other number than where in that part it falls.
    """
    given = chain_chances(titles)
    share, (pages, slots) = titles.share, uniforms.shape
    rest = (uniforms - share) / np.where(share < 1, 1 - share, 1.0)
    reached = np.add.accumulate(given, axis=3)
    # Rounding may leave the sum a hair below one: the last with a chance takes the rest.
    at_most = np.minimum(rest, 1 - UNIT)[:, :, None, None] * reached[..., -1:]
    chosen = np.add.reduce(reached <= at_most, axis=3)
    explores = uniforms < share
    chosen[explores] = 0
    page, slot = np.arange(pages)[:, None], np.arange(slots)
    ranks = titles.ranks[page[..., None], slot[:, None], chosen]
    ranks[explores] = titles.explored[explores][:, None]
    choice = np.array([_followed(row) for row in ranks.tolist()], np.int64)
    left = np.zeros_like(choice)
    left[:, 1:] = choice[:, :-1]
    same = titles.ranks == choice[..., None]
    kept = np.add.reduce(given[page, slot, left] * same, axis=2)
    return ChainDrawn(choice, kept * (1 - share) + titles.even, given)


def _followed(ranks: list[list[int]]) -> list[int]:
    """The row that follows from its first slot: of each slot its choices by what stands left."""
    left, row = 0, []
    for by_left in ranks:
        left = by_left[left]
        row.append(left)
    return row


def probabilities(
    titles: ChainTitles, drawn: ChainDrawn
) -> Float[np.ndarray, "pages slots candidates"]:
    """Of all candidates, given what stands left of them: exploration among it."""
    pages, slots = drawn.choice.shape
    page, slot = np.arange(pages)[:, None], np.arange(slots)
    left = np.zeros_like(drawn.choice)
    left[:, 1:] = drawn.choice[:, :-1]
    chances = titles.may * titles.even[..., None]
    kept = drawn.given[page, slot, left] * (1 - titles.share)[..., None]
    np.add.at(chances, (page[..., None], slot[:, None], titles.ranks), kept)
    return chances


def alone(titles: ChainTitles, drawn: ChainDrawn) -> Float[np.ndarray, "pages slots"]:
    """How likely each choice is in its slot, whatever stands beside it."""
    pages, slots = drawn.choice.shape
    page, found = np.arange(pages), np.empty((pages, slots))
    floor = titles.may * titles.even[..., None]
    drawn_share = (1 - titles.share)[..., None]
    reach = np.zeros_like(floor[:, 0])
    reach[:, 0] = 1.0  # what stands left of the first slot adds nothing, whichever it is
    for at in range(slots):
        kept = (reach[:, None] @ drawn.given[:, at])[:, 0] * drawn_share[:, at]
        reach = floor[:, at]
        np.add.at(reach, (page[:, None], titles.ranks[:, at]), kept)
        found[:, at] = reach[page, drawn.choice[:, at]]
    return np.minimum(found, 1.0)
