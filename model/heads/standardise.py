"""Numbers brought to mean 0 and deviation 1, by a sample of them, as tensors."""

import torch
from jaxtyping import Float
from torch import Tensor

from data.standardise import LEAST_DEVIATION


def mean_and_deviation(
    sample: Float[Tensor, "rows numbers"], least: float = LEAST_DEVIATION
) -> tuple[Float[Tensor, " numbers"], Float[Tensor, " numbers"]]:
    """What is taken off each number, and what it is divided by, as `data.standardise` has it."""
    constant = sample.amax(0) == sample.amin(0)
    deviation = sample.std(0, correction=0).clamp(min=least)
    return sample.mean(0), deviation.masked_fill(constant, torch.inf)
