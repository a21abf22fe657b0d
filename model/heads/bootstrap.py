"""Heads of their own weights, each trained on its own bootstrap, with a frozen prior each."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals
from model.heads.scale_gradient import scale_gradient


class BootstrapHeads(nn.Module):
    """Functionals learnt apart on one trunk, each about a fixed random prior function.

    In training, what flows back into the trunk is divided by the number of heads: sum the heads'
    losses, and heads learn at the full rate, the trunk at that of their mean.

    Source: Osband, Aslanides and Cassirer 2018, "Randomized Prior Functions for Deep Reinforcement
    Learning".
    """

    def __init__(
        self,
        width: int,
        rank: int,
        heads: int,
        prior: int,
        prior_scale: float,
        frozen: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.heads = self.trained_heads = heads
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, heads * rank)
        draw = torch.Generator().manual_seed(seed)
        # R_h: [features → prior]; the product with a standardised read-out has deviation
        # `prior_scale`. Without a frozen context the prior function is of the artwork alone.
        reach = max(1, frozen * prior) ** 0.5 if frozen else max(1, prior) ** 0.5
        read_out = torch.randn(max(1, frozen), heads * prior, generator=draw)
        self.frozen = frozen
        self.read_out: Tensor
        self.register_buffer("read_out", prior_scale / reach * read_out)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The learnt part, then the prior part."""
        learnt = self.learnt(g)
        if not self.prior:
            return learnt
        if self.frozen and frozen is None:
            raise ValueError(f"prior functions read {self.frozen} frozen features; give them")
        features = frozen if self.frozen and frozen is not None else torch.ones_like(g[:, :1])
        return torch.cat([learnt, self.prior_part(features)], 2)

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """What is trained."""
        if self.training:
            g = scale_gradient(g, 1 / self.heads)
        return self.functional(g).unflatten(1, (self.heads, self.rank))

    @torch.no_grad()
    def start_alike(self) -> None:
        """Make all heads what their mean is: data and prior functions alone tell them apart then.

        What heads differ in by chance, or by an encoder that was still learning, would else stay
        where data say nothing, and be explored for ever.
        """
        for part in (self.functional.weight, self.functional.bias):
            heads = part.unflatten(0, (self.heads, self.rank))
            heads.copy_(heads.mean(0, keepdim=True).expand_as(heads).clone())

    def prior_part(
        self, frozen: Float[Tensor, "contexts features"]
    ) -> Float[Tensor, "contexts heads prior"]:
        """What is not: for a context the same for ever, so a replay may keep it."""
        return (frozen @ self.read_out).unflatten(1, (self.heads, self.prior))
