"""What an artwork's own rewards say that its pixels do not: a small posterior for each artwork.

An artwork that was shown often is known better by its rewards than by its content features. Each
has a random effect: a vector that is added to the one that the candidate tower computes, and an
intercept. Both start at 0, so new artwork is judged by content alone, and explored by the
intercept's prior deviation.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

ROWS = 4096
"""Impressions observed at a time."""
DIRECTIONS = 4
"""In which vectors lie: those in which members' functionals tell artworks apart most. On the demo's
log they hold .98 of the variance, and 24 earned no more."""


class ArtworkRandomEffects(nn.Module):
    """Normal posteriors of one vector and one intercept an artwork, by online Laplace.

    The logit of an impression is its offset + ⟨functional, vector⟩ + intercept. As in
    `BayesianLastLayer`, each batch is a Newton step about the mean before it. Memory is
    4 · (directions + 1)(directions + 3) bytes an artwork.

    Args:
        artworks: how many.
        rank: dimension of a vector.
        directions: of the vectors; at most `rank`.

    Source: the model is a hierarchical logistic regression (Gelman and Hill 2007, ch. 13); the
    online form: Chapelle and Li 2011, "An Empirical Evaluation of Thompson Sampling", algorithm 3.
    """

    def __init__(self, artworks: int, rank: int, directions: int = DIRECTIONS) -> None:
        super().__init__()
        self.basis: Tensor
        self.mean: Tensor
        self.prior: Tensor
        self.precision: Tensor
        self.moment: Tensor
        few = min(directions, rank)
        self.register_buffer("basis", torch.zeros(rank, few))
        self.register_buffer("mean", torch.zeros(artworks, few + 1))
        self.register_buffer("prior", torch.ones(few + 1))
        self.register_buffer("precision", torch.eye(few + 1).repeat(artworks, 1, 1))
        self.register_buffer("moment", torch.zeros(artworks, few + 1))

    @torch.no_grad()
    def reset(
        self,
        vectors: Float[Tensor, "artworks rank"],
        functionals: Float[Tensor, "decisions rank"],
        vector_scale: float,
        intercept_scale: float,
    ) -> None:
        """Forget all rewards; effects are about as large as content vectors differ.

        Args:
            vectors: that the candidate tower computes.
            functionals: of some decisions: what vectors will be read by.
            vector_scale: deviation of an effect's vector relative to that of content vectors.
            intercept_scale: deviation of an intercept, in logits.

        Raises:
            ValueError: a scale is not above 0.
        """
        if not (vector_scale > 0 and intercept_scale > 0):
            raise ValueError(
                f"vector_scale is {vector_scale}, intercept_scale {intercept_scale}; "
                "both must be above 0"
            )
        self.basis.copy_(_directions(vectors, functionals, self.basis.shape[1]))
        self.prior.fill_(vector_scale**-2)
        self.prior[-1] = intercept_scale**-2
        self.mean.zero_()
        self.moment.zero_()
        self.precision.copy_(self.prior.diag().expand_as(self.precision))

    @property
    def vectors(self) -> Float[Tensor, "artworks rank"]:
        """Posterior means of the vectors."""
        return self.mean[:, :-1] @ self.basis.T

    @property
    def intercepts(self) -> Float[Tensor, " artworks"]:
        """Posterior means of the intercepts, in logits."""
        return self.mean[:, -1]

    @torch.no_grad()
    def deviations(self) -> Float[Tensor, " artworks"]:
        """Posterior deviations of intercepts, in logits: `intercept_scale` before any reward."""
        unit = torch.zeros_like(self.mean)
        unit[:, -1] = 1
        return torch.linalg.solve(self.precision, unit)[:, -1].clamp(min=0).sqrt()

    def forward(
        self,
        functional: Float[Tensor, "decisions rank"],
        artworks: Int[Tensor, "decisions ..."],
    ) -> Float[Tensor, "decisions ..."]:
        """What random effects add to the logit, on average."""
        x = self._features(functional)
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
        weights: Float[Tensor, " impressions"] | None = None,
    ) -> None:
        """Observe rewards of what was shown; an impression of weight 2 counts as two."""
        for at in range(0, len(rewards), ROWS):
            part = slice(at, at + ROWS)
            x = self._features(functional[part])
            shown = artworks[part]
            effect = (x * self.mean[shown]).sum(1)
            p = torch.sigmoid(offset[part] + effect)
            curvature, residual = p * (1 - p), rewards[part] - p
            if weights is not None:
                curvature, residual = weights[part] * curvature, weights[part] * residual
            squares = (curvature[:, None] * x)[:, :, None] * x[:, None]
            self.precision.index_add_(0, shown, squares)
            self.moment.index_add_(0, shown, (residual + curvature * effect)[:, None] * x)
            seen = torch.unique(shown)
            self.mean[seen] = torch.linalg.solve(self.precision[seen], self.moment[seen])

    @torch.no_grad()
    def intercept_draws(
        self, draws: int, generator: torch.Generator, scale: float = 1.0
    ) -> Float[Tensor, "draws artworks"]:
        """How far intercepts may lie from their means: draws from the posterior."""
        deviations = self.deviations()
        return scale * deviations * torch.randn(draws, len(deviations), generator=generator)

    def _features(self, functional: Float[Tensor, "decisions rank"]) -> Tensor:
        x = functional @ self.basis
        return torch.cat([x, torch.ones_like(functional[:, :1])], 1)


def _directions(
    vectors: Float[Tensor, "artworks rank"],
    functionals: Float[Tensor, "decisions rank"],
    count: int,
) -> Float[Tensor, "rank count"]:
    """B, so that B·z with z ~ N(0, 1) differs as the vectors do, as far as functionals tell.

    With all directions B·Bᵀ is the vectors' covariance; fewer are those of most variance in logits.
    """
    centred = vectors - vectors.mean(0)
    spread = centred.T @ centred / max(1, len(vectors) - 1)
    variances, axes = torch.linalg.eigh(spread)
    root = (axes * variances.clamp(min=0).sqrt()) @ axes.T
    read = root @ (functionals.T @ functionals / len(functionals)) @ root
    return root @ torch.linalg.eigh(read).eigenvectors.flip(1)[:, :count]
