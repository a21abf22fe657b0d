"""What a row is worth by takes: each head's chances, and what neighbours do to them."""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from bandit.rows.decide_rows import RowValues


def take_values(
    logits: Float[np.ndarray, "slots pages ranks heads"],
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
    slots, pages, ranks, heads = logits.shape
    there = (np.arange(slots)[:, None] < lengths)[:, :, None, None]
    chance = np.where(there, expit(logits), logits.dtype.type(0))
    slope = chance * (1 - chance)
    rank = coordinates.shape[3]
    # First eᵀ B of what stands left, for all heads at once, then its product with what follows.
    across = forms.astype(logits.dtype, copy=False).transpose(1, 2, 0).reshape(rank, rank * heads)
    turned = coordinates[:-1].reshape(-1, rank) @ across
    turned = turned.reshape(slots - 1, pages, ranks, rank, heads).swapaxes(2, 3)
    added = coordinates[1:] @ turned.reshape(slots - 1, pages, rank, ranks * heads)
    beside = np.zeros((slots, pages, ranks, ranks, heads), logits.dtype)
    both = np.add(slope[1:, :, :, None], slope[:-1, :, None], out=beside[1:])
    both *= added.reshape(both.shape)
    if (lengths < slots).any():
        both *= there[1:, ..., None]
    return RowValues(chance, beside)
