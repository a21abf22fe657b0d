"""Heads of their own weights, each trained on its own bootstrap, with a frozen prior each."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals, Heads, HeadSettings, Inference, Inferred
from model.heads.scale_gradient import scale_gradient


class BootstrapHeads(Heads):
    """Functionals learnt each by itself on one trunk, about a fixed random prior function each.

    In training, what flows back into the trunk is divided by the number of heads: sum the heads'
    losses, and heads learn at the full rate, the trunk at that of their mean.

    Source: Osband, Aslanides and Cassirer 2018, "Randomized Prior Functions for Deep Reinforcement
    Learning".
    """

    kind = "bootstrap"
    has_prior_functions = True

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__(settings)
        heads, prior, features = settings.heads, settings.prior, settings.prior_features
        self.heads = self.trained_heads = heads
        self.functional = nn.Linear(settings.width, heads * settings.rank)
        draw = torch.Generator().manual_seed(settings.seed)
        # R_h: [features → prior]; the product with a standardised read-out has deviation
        # `prior_scale`. Without a prior network the prior function is of the artwork alone.
        reach = (max(1, features * prior) if features else max(1, prior)) ** 0.5
        read_out = torch.randn(max(1, features), heads * prior, generator=draw)
        self.prior_features = features
        self.read_out: Tensor
        self.register_buffer("read_out", settings.prior_scale / reach * read_out)

    def context_input(
        self, facts: Float[Tensor, "contexts facts"], prior_network: nn.Module
    ) -> Float[Tensor, "contexts features"]:
        """Features of the prior network."""
        return prior_network(facts)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts read"] | None = None,
    ) -> Functionals:
        """The learnt part, then the prior part."""
        learnt = self.learnt(g)
        if not self.prior:
            return learnt
        if self.prior_features and read is None:
            raise ValueError(f"prior functions read {self.prior_features} features; give them")
        features = read if self.prior_features and read is not None else torch.ones_like(g[:, :1])
        return torch.cat([learnt, self.prior_part(features)], 2)

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """What is trained."""
        if self.training:
            g = scale_gradient(g, 1 / self.heads)
        return self.functional(g).unflatten(1, (self.heads, self.rank))

    def prior_part(
        self, read: Float[Tensor, "contexts features"]
    ) -> Float[Tensor, "contexts heads prior"]:
        """What is not: for a context the same for ever, so a replay may keep it."""
        return (read @ self.read_out).unflatten(1, (self.heads, self.prior))

    @torch.no_grad()
    def begin_stage(self) -> None:
        """Make all heads what their mean is: data and prior functions alone tell them apart then.

        What heads differ in by chance, or by an encoder that was still learning, would else stay
        where data say nothing, and be explored for ever.
        """
        for part in (self.functional.weight, self.functional.bias):
            heads = part.unflatten(0, (self.heads, self.rank))
            heads.copy_(heads.mean(0, keepdim=True).expand_as(heads).clone())

    def infer(self, inference: Inference[Inferred]) -> Inferred:
        """Heads are what was trained; artworks get their random effects."""
        return inference.random_effects()
