"""Numbers brought to mean 0 and deviation 1, by a sample of them, and what is projected of them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from data.standardise import LEAST_DEVIATION


def mean_and_deviation(
    sample: Float[Tensor, "rows numbers"], least: float = LEAST_DEVIATION
) -> tuple[Float[Tensor, " numbers"], Float[Tensor, " numbers"]]:
    """What is taken off each number, and what it is divided by, as `data.standardise` has it."""
    constant = sample.amax(0) == sample.amin(0)
    deviation = sample.std(0, correction=0).clamp(min=least)
    return sample.mean(0), deviation.masked_fill(constant, torch.inf)


class FactsProjection(nn.Module):
    """A functional that is a projection of the standardised facts; 0 until one is inferred."""

    shift: Tensor
    spread: Tensor
    projection: Tensor

    def hold(self, facts: int, rank: int) -> None:
        """Make room for it."""
        self.register_buffer("shift", torch.zeros(facts))
        self.register_buffer("spread", torch.ones(facts))
        self.register_buffer("projection", torch.zeros(1 + facts, rank))

    def features(
        self, facts: Float[Tensor, "contexts facts"]
    ) -> Float[Tensor, "contexts one_and_facts"]:
        """What the closed form reads: 1, and the facts standardised."""
        scaled = (facts - self.shift) / self.spread
        return torch.cat([torch.ones_like(scaled[:, :1]), scaled], 1)

    def projected(self, facts: Float[Tensor, "contexts facts"]) -> Float[Tensor, "contexts rank"]:
        """The functional of each context."""
        return self.features(facts) @ self.projection

    @torch.no_grad()
    def standardise(self, facts: Float[Tensor, "contexts facts"]) -> None:
        """Make facts like these have mean 0 and deviation 1; what hardly varies is left small."""
        mean, deviation = mean_and_deviation(facts)
        self.shift.copy_(mean)
        self.spread.copy_(deviation)

    @torch.no_grad()
    def project(self, projection: Float[Tensor, "one_and_facts rank"]) -> None:
        """Take what was inferred."""
        self.projection.copy_(projection)


class InferredBase(FactsProjection):
    """What is inferred of the facts before heads learn by gradients: a functional for all of them.

    Args:
        facts: features of them.
        heads: in the bank.
        rank: of the functional.
    """

    def __init__(self, facts: int, heads: int, rank: int) -> None:
        super().__init__()
        self.heads, self.rank = heads, rank
        self.hold(facts, rank)
