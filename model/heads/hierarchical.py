"""Heads of kind hierarchical: functionals in closed form, straight from the facts."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals, Heads, HeadSettings, Inference, Inferred
from model.heads.standardise import mean_and_deviation


class HierarchicalHeads(Heads):
    """A functional that is trained with the towers, until a closed form takes its place.

    The trained one reads the trunk; it is there for the encoder to learn to see. The closed form
    (`model.heads.hierarchical_logistic`) reads the standardised facts, and is the same for all
    heads of the bank: they differ by draws of the posterior of each artwork's level, which join the
    vectors, and for artwork never shown come from its content. In training there is one head.
    """

    kind = "hierarchical"

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__(settings)
        self.heads, self.trained_heads = settings.heads, 1
        self.functional = nn.Linear(settings.width, settings.rank)
        self.shift: Tensor
        self.spread: Tensor
        self.projection: Tensor
        self.register_buffer("shift", torch.zeros(settings.facts))
        self.register_buffer("spread", torch.ones(settings.facts))
        self.register_buffer("projection", torch.zeros(1 + settings.facts, settings.rank))

    def context_input(
        self, facts: Float[Tensor, "contexts facts"], prior_network: nn.Module
    ) -> Float[Tensor, "contexts facts"]:
        """The facts themselves."""
        del prior_network
        return facts

    def features(
        self, facts: Float[Tensor, "contexts facts"]
    ) -> Float[Tensor, "contexts one_and_facts"]:
        """What the closed form reads: 1, and the facts standardised."""
        scaled = (facts - self.shift) / self.spread
        return torch.cat([torch.ones_like(scaled[:, :1]), scaled], 1)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts facts"] | None = None,
    ) -> Functionals:
        """The functional, for each head of the bank."""
        if read is None:
            raise ValueError(f"hierarchical heads read {len(self.shift)} facts; give them")
        functional = self.learnt(g) + (self.features(read) @ self.projection)[:, None]
        bank = functional if self.training else functional.expand(-1, self.heads, -1)
        return nn.functional.pad(bank, (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts 1 rank"]:
        """What is trained."""
        return self.functional(g)[:, None]

    @torch.no_grad()
    def standardise(self, facts: Float[Tensor, "contexts facts"]) -> None:
        """Make facts like these have mean 0 and deviation 1; what hardly varies is left small."""
        mean, deviation = mean_and_deviation(facts)
        self.shift.copy_(mean)
        self.spread.copy_(deviation)

    @torch.no_grad()
    def project(self, projection: Float[Tensor, "one_and_facts rank"]) -> None:
        """Put the closed form in the trained functional's place."""
        self.projection.copy_(projection)
        nn.init.zeros_(self.functional.weight)
        nn.init.zeros_(self.functional.bias)

    def infer(self, inference: Inference[Inferred]) -> Inferred:
        """The closed form takes the functional's place, and gives artworks their random effects."""
        return inference.hierarchical_regression(self)
