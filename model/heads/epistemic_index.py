"""The epistemic index: fixed random numbers, a row a head, that mix draws of the posterior.

A mixture of independent draws whose squared weights sum to one is a draw again. So a few draws make
a bank of heads that differ where little is known (Osband et al. 2021, "Epistemic Neural Networks").
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

INDEX = 15
"""Numbers of the index, where there are as many heads: with the intercept 16."""


def index_size(heads: int) -> int:
    """Numbers of the index in a bank of so many heads; one head has none."""
    return min(INDEX, heads - 1)


def index_rows(heads: int) -> Float[Tensor, "heads numbers"]:
    """What each head reads intercept and doubt by: 1 and its row of random numbers.

    Over heads the rows have mean 0, variance 1 and no correlation. So an artwork whose doubt is a
    vector of length d differs by d over heads, and their mean is the intercept alone.
    """
    drawn = np.random.default_rng(0).standard_normal((heads, index_size(heads)))
    basis, upper = np.linalg.qr(np.concatenate([np.ones((heads, 1)), drawn], 1))
    rows = basis * np.sign(np.diag(upper)) * np.sqrt(heads)
    rows[:, 0] = 1.0
    return torch.from_numpy(rows.astype(np.float32))
