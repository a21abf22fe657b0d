"""What an artwork's own rewards say that its pixels do not: a small posterior for each artwork.

An artwork that was shown often is known better by its record than by its looks. Each has a vector
of its own that is added to the one that the candidate tower computes, and a level of its own; both
start at nothing, so new artwork is judged by looks alone, with the level's prior as doubt.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

ROWS = 4096
"""Impressions taken in at a time."""


class OwnRecord(nn.Module):
    """Normal posteriors of one vector and one level an artwork, by online Laplace.

    The logit of an impression is its offset + ⟨functional, own vector⟩ + own level. As in
    `LastLayer`, each batch is a Newton step about the mean before it.

    Args:
        artworks: how many.
        rank: numbers of a vector.

    Source: the model is a hierarchical logistic regression (Gelman and Hill 2007, ch. 13); the
    online form: Chapelle and Li 2011, "An Empirical Evaluation of Thompson Sampling", algorithm 3.
    """

    def __init__(self, artworks: int, rank: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.prior: Tensor
        self.precision: Tensor
        self.moment: Tensor
        self.register_buffer("mean", torch.zeros(artworks, rank + 1))
        self.register_buffer("prior", torch.eye(rank + 1))
        self.register_buffer("precision", torch.eye(rank + 1).repeat(artworks, 1, 1))
        self.register_buffer("moment", torch.zeros(artworks, rank + 1))

    @torch.no_grad()
    def reset(
        self, vectors: Float[Tensor, "artworks rank"], vector_scale: float, level_scale: float
    ) -> None:
        """Forget all rewards; own vectors are about as large as the given ones differ.

        Args:
            vectors: that the candidate tower computes.
            vector_scale: deviation of an own vector relative to that of the given ones.
            level_scale: deviation of an own level, in logits.

        Raises:
            ValueError: a scale is not above 0.
        """
        if not (vector_scale > 0 and level_scale > 0):
            raise ValueError(
                f"vector_scale is {vector_scale}, level_scale {level_scale}; both must be above 0"
            )
        rank = vectors.shape[1]
        spread = torch.cov(vectors.T).reshape(rank, rank)
        ridge = 1e-3 * spread.diagonal().mean() + 1e-6
        self.prior.zero_()
        self.prior[:rank, :rank] = torch.linalg.inv(spread + ridge * torch.eye(rank))
        self.prior[:rank, :rank] /= vector_scale**2
        self.prior[rank, rank] = level_scale**-2
        self.mean.zero_()
        self.moment.zero_()
        self.precision.copy_(self.prior.expand_as(self.precision))

    def forward(
        self,
        functional: Float[Tensor, "decisions rank"],
        artworks: Int[Tensor, "decisions ..."],
    ) -> Float[Tensor, "decisions ..."]:
        """What the record adds to the logit, on average."""
        x = torch.cat([functional, torch.ones_like(functional[:, :1])], 1)
        while x.ndim <= artworks.ndim:
            x = x[:, None]
        return (x * self.mean[artworks]).sum(-1)

    @torch.no_grad()
    def update(
        self,
        functional: Float[Tensor, "impressions rank"],
        artworks: Int[Tensor, " impressions"],
        rewards: Float[Tensor, " impressions"],
        offset: Float[Tensor, " impressions"],
    ) -> None:
        """Take in rewards of what was shown."""
        for at in range(0, len(rewards), ROWS):
            part = slice(at, at + ROWS)
            x = torch.cat([functional[part], torch.ones_like(functional[part, :1])], 1)
            shown = artworks[part]
            own = (x * self.mean[shown]).sum(1)
            p = torch.sigmoid(offset[part] + own)
            curvature = p * (1 - p)
            squares = (curvature[:, None] * x)[:, :, None] * x[:, None]
            self.precision.index_add_(0, shown, squares)
            self.moment.index_add_(0, shown, (rewards[part] - p + curvature * own)[:, None] * x)
            some = torch.unique(shown)
            self.mean[some] = torch.linalg.solve(self.precision[some], self.moment[some])

    @torch.no_grad()
    def level_draws(
        self, draws: int, generator: torch.Generator, temperature: float = 1.0
    ) -> Float[Tensor, "draws artworks"]:
        """How far own levels may lie from their means: draws from the posterior."""
        unit = torch.zeros_like(self.mean)
        unit[:, -1] = 1
        variance = torch.linalg.solve(self.precision, unit)[:, -1]
        noise = torch.randn(draws, len(variance), generator=generator)
        return temperature * variance.clamp(min=0).sqrt() * noise
