"""Heads of one weight under fixed dropout masks: sampling a mask is exact and survives export."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals, Heads, HeadSettings, Inference, Inferred
from model.heads.scale_gradient import scale_gradient


class DropoutHeads(Heads):
    """One learnt functional under a bank of fixed dropout masks.

    Training takes the loss under every mask of the bank: all that will be served is trained.

    Source: Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation".
    """

    kind = "dropout"

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__(settings)
        if not 0 < settings.keep <= 1:
            raise ValueError(f"keep is {settings.keep}; a mask keeps a share above 0, at most 1")
        self.heads = self.trained_heads = settings.heads
        self.functional = nn.Linear(settings.width, settings.rank)
        draw = torch.Generator().manual_seed(settings.seed)
        masks = torch.rand(settings.heads, settings.width, generator=draw) < settings.keep
        masks = masks.float()
        # Each mask keeps something, and all keep the same sum: their mean is the whole.
        masks[masks.sum(1) == 0] = 1.0
        self.masks: Tensor
        self.register_buffer("masks", masks * settings.width / masks.sum(1, keepdim=True))

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts read"] | None = None,
    ) -> Functionals:
        """The functional under each mask."""
        return nn.functional.pad(self.learnt(g), (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """What is trained."""
        if self.training:
            g = scale_gradient(g, 1 / self.heads)
        bank = self.masks[:, None] * self.functional.weight  # heads, rank, width
        learnt = nn.functional.linear(g, bank.flatten(0, 1)).unflatten(1, (self.heads, self.rank))
        return learnt + self.functional.bias

    def infer(self, inference: Inference[Inferred]) -> Inferred:
        """Masks are fixed; artworks get their random effects."""
        return inference.random_effects()
