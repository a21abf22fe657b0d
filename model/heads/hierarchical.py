"""Heads of kind hierarchical: functionals in closed form, straight from the facts."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals, Heads, HeadSettings, Inference, Inferred
from model.heads.standardise import FactsProjection


class HierarchicalHeads(FactsProjection, Heads):
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
        self.hold(settings.facts, settings.rank)

    def context_input(
        self, facts: Float[Tensor, "contexts facts"], prior_network: nn.Module
    ) -> Float[Tensor, "contexts facts"]:
        """The facts themselves."""
        del prior_network
        return facts

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts facts"] | None = None,
    ) -> Functionals:
        """The functional, for each head of the bank."""
        if read is None:
            raise ValueError(f"hierarchical heads read {len(self.shift)} facts; give them")
        functional = self.learnt(g) + self.projected(read)[:, None]
        bank = functional if self.training else functional.expand(-1, self.heads, -1)
        return nn.functional.pad(bank, (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts 1 rank"]:
        """What is trained."""
        return self.functional(g)[:, None]

    @torch.no_grad()
    def project(self, projection: Float[Tensor, "one_and_facts rank"]) -> None:
        """Put the closed form in the trained functional's place."""
        super().project(projection)
        nn.init.zeros_(self.functional.weight)
        nn.init.zeros_(self.functional.bias)

    def infer(self, inference: Inference[Inferred]) -> Inferred:
        """The closed form takes the functional's place, and gives artworks their random effects."""
        return inference.hierarchical_regression(self)
