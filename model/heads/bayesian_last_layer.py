"""The closed-form posterior of a last layer: normal, updated batch by batch, with forgetting."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Link = Literal["logit", "identity"]
FIRST_ROWS = 20
"""Rows that the first guess of the noise counts as."""
LEAST_NOISE = 1e-3


class BayesianLastLayer(nn.Module):
    """Normal posterior of the weights on some features, about a centre.

    With the identity link the update is exact (conjugate), and the noise is estimated from the
    residuals. With the logit link each batch is one Newton step about the mean before it (online
    Laplace): curvature p(1 − p), gradient r − p.

    Source: Bishop 2006, "Pattern Recognition and Machine Learning", 3.3 and 4.5; the online form:
    Chapelle and Li 2011, "An Empirical Evaluation of Thompson Sampling", algorithm 3.
    """

    def __init__(
        self,
        features: int,
        prior_scale: float = 1.0,
        link: Link = "logit",
        noise: float = 0.1,
        known: bool = False,
    ) -> None:
        """A posterior that has seen nothing.

        Args:
            features: how many.
            prior_scale: deviation of the score before any reward.
            link: logit for takes, identity for rewards of any size.
            noise: first guess of a reward's deviation; identity link only.
            known: the guess stands, whatever the residuals.

        Raises:
            ValueError: a number is not above 0.
        """
        super().__init__()
        self.known = known
        if not (prior_scale > 0 and noise > 0):
            raise ValueError(f"prior_scale is {prior_scale}, noise {noise}; they must be above 0")
        self.prior_scale, self.link, self.first_noise = prior_scale, link, noise
        names = ("mean", "centre", "moment")
        self.mean: Tensor
        self.centre: Tensor
        self.moment: Tensor
        self.gram: Tensor
        self.totals: Tensor
        self.size: Tensor
        for name in names:
            self.register_buffer(name, torch.zeros(features, dtype=torch.float64))
        self.register_buffer("gram", torch.zeros(features, features, dtype=torch.float64))
        self.register_buffer("totals", torch.zeros(2, dtype=torch.float64))  # Σ weight, Σ residual²
        self.register_buffer("size", torch.ones((), dtype=torch.float64))

    @torch.no_grad()
    def reset(self, centre: Float[Tensor, " features"], size: float = 1.0) -> None:
        """Back to the prior, about new weights.

        Args:
            centre: the new weights.
            size: mean squared norm of the features: the prior's weights are so much smaller.
        """
        self.centre.copy_(centre)
        self.mean.copy_(centre)
        self.size.fill_(size)
        for part in (self.moment, self.gram, self.totals):
            part.zero_()

    @property
    def noise(self) -> float:
        """Deviation of a reward about its score; 1 with the logit link, where it is known."""
        if self.link == "logit":
            return 1.0
        if self.known:
            return self.first_noise
        moved = self.mean - self.centre
        residual = self.totals[1] - 2 * moved @ self.moment + moved @ self.gram @ moved
        first = FIRST_ROWS * self.first_noise**2
        return max(float((residual + first) / (self.totals[0] + FIRST_ROWS)) ** 0.5, LEAST_NOISE)

    @property
    def precision(self) -> Float[Tensor, "features features"]:
        """Inverse covariance of the weights, in units of 1 / noise²."""
        ridge = self.noise**2 * float(self.size) / self.prior_scale**2
        return self.gram + ridge * torch.eye(len(self.mean), dtype=torch.float64)

    @torch.no_grad()
    def update(
        self,
        features: Float[Tensor, "impressions features"],
        rewards: Float[Tensor, " impressions"],
        weights: Float[Tensor, " impressions"] | None = None,
        offset: Float[Tensor, " impressions"] | None = None,
        forget: float = 1.0,
    ) -> None:
        """Observe a batch of rewards.

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
        shift = torch.zeros_like(r) if offset is None else offset.double()
        count = torch.ones_like(r) if weights is None else weights.double()
        if self.link == "logit":
            p = torch.sigmoid(x @ self.mean + shift)
            curvature = count * p * (1 - p)
            moment = count * (r - p) + curvature * (x @ (self.mean - self.centre))
        else:
            curvature, left = count, r - shift - x @ self.centre
            moment = count * left
            self.totals.mul_(forget).add_(torch.stack([count.sum(), (count * left**2).sum()]))
        self.gram.mul_(forget).add_(x.T @ (curvature[:, None] * x))
        self.moment.mul_(forget).add_(x.T @ moment)
        root = torch.linalg.cholesky(self.precision)
        self.mean.copy_(self.centre + torch.cholesky_solve(self.moment[:, None], root)[:, 0])

    @torch.no_grad()
    def predict(
        self, features: Float[Tensor, "rows features"]
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
        """Predicted mean and deviation of these features' scores, in float64."""
        x = features.double()
        root = torch.linalg.cholesky(self.precision)
        share = torch.linalg.solve_triangular(root, x.T, upper=False).square().sum(0)
        return x @ self.mean, self.noise * share.sqrt()

    @torch.no_grad()
    def draws(
        self, count: int, generator: torch.Generator | None = None, scale: float = 1.0
    ) -> Float[Tensor, "draws features"]:
        """Weights drawn from the posterior, their deviation times the scale."""
        noise = torch.randn(len(self.mean), count, generator=generator, dtype=torch.float64)
        root = torch.linalg.cholesky(self.precision)
        spread = torch.linalg.solve_triangular(root.T, noise, upper=True)
        return (self.mean[:, None] + scale * self.noise * spread).T.float()
