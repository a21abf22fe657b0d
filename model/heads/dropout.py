"""Heads of one weight under fixed dropout masks: sampling a mask is exact and survives export."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals
from model.heads.scale_gradient import scale_gradient


class DropoutHeads(nn.Module):
    """One learnt functional under a bank of fixed dropout masks.

    Training takes the loss under every mask of the bank: all that will be served is trained.

    Source: Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation".
    """

    def __init__(
        self, width: int, rank: int, heads: int, prior: int, keep: float, seed: int
    ) -> None:
        super().__init__()
        if not 0 < keep <= 1:
            raise ValueError(f"keep is {keep}; a mask keeps a share above 0, at most 1")
        self.heads = self.trained_heads = heads
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, rank)
        draw = torch.Generator().manual_seed(seed)
        masks = (torch.rand(heads, width, generator=draw) < keep).float()
        # Each mask keeps something, and all keep the same sum: their mean is the whole.
        masks[masks.sum(1) == 0] = 1.0
        self.masks: Tensor
        self.register_buffer("masks", masks * width / masks.sum(1, keepdim=True))

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
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
