"""How heads read the doubt of artworks' own levels: fixed random numbers, one row a head."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

DOUBTS = 15
"""Numbers that say an artwork's doubt, where there are as many heads: with the level 16."""
LEAST_TEMPERATURE = 1e-3
"""Of exploring, by which doubt is divided again: with less there is none to be told from 0."""


def doubts_of(heads: int) -> int:
    """Numbers that say the doubt in a bank of so many heads; one head has none."""
    return min(DOUBTS, heads - 1)


def level_rows(heads: int) -> Float[Tensor, "heads numbers"]:
    """What each head reads level and doubt by: 1 and its row of random numbers.

    Over heads the rows have mean 0, variance 1 and no correlation. So an artwork whose doubt is a
    direction of length d differs by d over heads, and their mean is the level alone.
    """
    drawn = np.random.default_rng(0).standard_normal((heads, doubts_of(heads)))
    basis, upper = np.linalg.qr(np.concatenate([np.ones((heads, 1)), drawn], 1))
    rows = basis * np.sign(np.diag(upper)) * np.sqrt(heads)
    rows[:, 0] = 1.0
    return torch.from_numpy(rows.astype(np.float32))
