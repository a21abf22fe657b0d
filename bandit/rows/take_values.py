"""What a row is worth by takes: each head's chances, and what neighbours do to them."""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from bandit.rows.decide_rows import RowValues


def take_values(
    logits: Float[np.ndarray, "slots pages heads ranks"],
    coordinates: Float[np.ndarray, "slots pages ranks rank"],
    forms: Float[np.ndarray, "heads rank rank"],
    lengths: Int[np.ndarray, " pages"],
) -> RowValues:
    """Expected takes of pages' rows, to first order in what neighbours add to each other's logit.

    A pair's part is what it adds to both of its slots. Slots that a page does not have add nothing.

    Args:
        logits: of a take of each candidate by itself in its slot; −∞: there is none.
        coordinates: of the candidates.
        forms: B of each head: neighbours with coordinates e and e′ add eᵀ B e′ to both logits.
        lengths: slots of each page.
    """
    slots, pages, heads, ranks = logits.shape
    there = (np.arange(slots)[:, None] < lengths)[:, :, None, None]
    chance = np.where(there, expit(logits), logits.dtype.type(0))
    slope = chance * (1 - chance)
    rank = coordinates.shape[3]
    across = forms.astype(logits.dtype, copy=False).transpose(1, 0, 2).reshape(rank, heads * rank)
    turned = coordinates[:-1].reshape(-1, rank) @ across
    turned = turned.reshape(slots - 1, pages, ranks, heads, rank).swapaxes(2, 3)
    beside = np.zeros((slots, pages, heads, ranks, ranks), logits.dtype)
    both = slope[:-1, ..., None] + slope[1:, :, :, None, :]
    np.multiply(both, turned @ coordinates[1:, :, None].swapaxes(3, 4), out=beside[1:])
    beside[1:] *= there[1:, ..., None]
    return RowValues(chance, beside)
