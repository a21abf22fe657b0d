"""Heads of kind hierarchical: functionals in closed form, straight from the facts."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.standardise import mean_and_deviation


class HierarchicalHeads(nn.Module):
    """A functional that is trained with the towers, until a closed form takes its place.

    The trained one reads the trunk; it is there for the encoder to learn to see. The closed form
    (`model.heads.hierarchical_logistic`) reads the standardised facts, and is the same for all
    heads of the bank: they differ by the doubt of each artwork's own record. In training there is
    one head.
    """

    def __init__(self, width: int, context: int, rank: int, heads: int, prior: int) -> None:
        super().__init__()
        self.heads, self.trained_heads = heads, 1
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, rank)
        self.shift: Tensor
        self.spread: Tensor
        self.reads: Tensor
        self.register_buffer("shift", torch.zeros(context))
        self.register_buffer("spread", torch.ones(context))
        self.register_buffer("reads", torch.zeros(1 + context, rank))

    def numbers(
        self, facts: Float[Tensor, "contexts context"]
    ) -> Float[Tensor, "contexts one_and_context"]:
        """What the closed form reads: 1, and the facts standardised."""
        scaled = (facts - self.shift) / self.spread
        return torch.cat([torch.ones_like(scaled[:, :1]), scaled], 1)

    def forward(
        self, g: Float[Tensor, "contexts width"], facts: Float[Tensor, "contexts context"]
    ) -> Float[Tensor, "contexts heads rank_and_prior"]:
        """The functional, for each head of the bank."""
        functional = self.learnt(g) + (self.numbers(facts) @ self.reads)[:, None]
        bank = functional if self.training else functional.expand(-1, self.heads, -1)
        return nn.functional.pad(bank, (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts 1 rank"]:
        """What is trained."""
        return self.functional(g)[:, None]

    @torch.no_grad()
    def standardise(self, facts: Float[Tensor, "contexts context"]) -> None:
        """Make facts like these have mean 0 and deviation 1; what hardly varies is left small."""
        shift, spread = mean_and_deviation(facts)
        self.shift.copy_(shift)
        self.spread.copy_(spread)

    @torch.no_grad()
    def conclude(self, reads: Float[Tensor, "one_and_context rank"]) -> None:
        """Put the closed form in the trained functional's place."""
        self.reads.copy_(reads)
        nn.init.zeros_(self.functional.weight)
        nn.init.zeros_(self.functional.bias)
