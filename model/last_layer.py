"""The closed-form posterior of a last layer: normal, updated batch by batch, with forgetting."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Link = Literal["logit", "identity"]


class LastLayer(nn.Module):
    """N(mean, scale² · precision⁻¹) of the weights on some features.

    With the identity link the update is exact (conjugate). With the logit link each batch is one
    Newton step about the mean before it (online Laplace): curvature p(1 − p), gradient r − p.

    Source: Bishop 2006, "Pattern Recognition and Machine Learning", 3.3 and 4.5; the online form:
    Chapelle and Li 2011, "An Empirical Evaluation of Thompson Sampling", algorithm 3.
    """

    def __init__(
        self, features: int, ridge: float = 1.0, scale: float = 1.0, link: Link = "logit"
    ) -> None:
        super().__init__()
        if not (ridge > 0 and scale >= 0):
            raise ValueError(
                f"ridge is {ridge}, scale {scale}; ridge must be above 0, scale not below"
            )
        self.ridge, self.scale, self.link = ridge, scale, link
        self.mean: Tensor
        self.centre: Tensor
        self.precision: Tensor
        self.register_buffer("mean", torch.zeros(features, dtype=torch.float64))
        self.register_buffer("centre", torch.zeros(features, dtype=torch.float64))
        self.register_buffer("precision", ridge * torch.eye(features, dtype=torch.float64))

    @torch.no_grad()
    def reset(self, centre: Float[Tensor, " features"]) -> None:
        """Back to the prior, about new weights."""
        self.centre.copy_(centre)
        self.mean.copy_(centre)
        self.precision.copy_(self.ridge * torch.eye(len(centre), dtype=torch.float64))

    @torch.no_grad()
    def update(
        self,
        features: Float[Tensor, "impressions features"],
        rewards: Float[Tensor, " impressions"],
        weights: Float[Tensor, " impressions"] | None = None,
        offset: Float[Tensor, " impressions"] | None = None,
        forget: float = 1.0,
    ) -> None:
        """Take in a batch of rewards.

        Args:
            features: of what was shown.
            rewards: what it earned; takes for the logit link.
            weights: how much each counts.
            offset: the part of the score that is not of these weights.
            forget: factor on what earlier batches said; the prior does not fade.

        Raises:
            ValueError: forget is outside [0, 1].
        """
        if not 0 <= forget <= 1:
            raise ValueError(f"forget is {forget}; it is a factor from 0 to 1")
        x, r = features.double(), rewards.double()
        score = x @ self.mean
        shift = torch.zeros_like(score) if offset is None else offset.double()
        if self.link == "logit":
            p = torch.sigmoid(score + shift)
            curvature, gradient = p * (1 - p), r - p
        else:
            curvature, gradient = torch.ones_like(score), r - shift - score
        if weights is not None:
            curvature, gradient = weights * curvature, weights * gradient
        moved = self.mean - self.centre
        ridge = self.ridge * torch.eye(len(moved), dtype=torch.float64)
        kept = forget * self.precision + (1 - forget) * ridge
        told = x.T @ (gradient + curvature * (x @ moved))
        moment = forget * (self.precision @ moved) + told
        precision = kept + x.T @ (curvature[:, None] * x)
        root = torch.linalg.cholesky(precision)
        self.mean.copy_(self.centre + torch.cholesky_solve(moment[:, None], root)[:, 0])
        self.precision.copy_(precision)

    @torch.no_grad()
    def draws(
        self, count: int, generator: torch.Generator | None = None
    ) -> Float[Tensor, "draws features"]:
        """Weights drawn from the posterior."""
        noise = torch.randn(len(self.mean), count, generator=generator, dtype=torch.float64)
        root = torch.linalg.cholesky(self.precision)
        spread = torch.linalg.solve_triangular(root.T, noise, upper=True)
        return (self.mean[:, None] + self.scale * spread).T.float()
