"""What facts and artwork say together, in closed form: shared by all artworks, and each one's own.

    logit = offset + ⟨x, u(a)⟩,   u(a) = M · components(a) + artwork(a) + title(a)

`x` are features of the facts, `components` an artwork's scores on the principal components of the
embeddings. M is what all artworks share: it judges artwork that was never shown. `artwork` is its
random effect, what its rewards say beyond its content, `title` that of all artworks of a title. All
three are normal about nothing, and how far each feature of the facts may reach is learnt from the
rewards (empirical Bayes): facts that do not matter fade out.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

FIRST_VARIANCE = 0.01
"""Of a weight before there are rewards."""
LEAST_VARIANCE, MOST_VARIANCE = 1e-6, 0.09
"""Of a weight: few rewards may say anything."""
INTERCEPT_VARIANCE = 1.0
"""Of a title's intercept, which is not learnt: titles differ much."""
CONVERGED = 1e-8
"""Squared residual at which the solver stops, relative to the right side."""


class LogisticWeights(NamedTuple):
    """A value for each weight: its mean, pull or residual."""

    shared: Float[Tensor, "features components"]
    artwork: Float[Tensor, "artworks features"]
    title: Float[Tensor, "titles features"]

    def plus(self, other: "LogisticWeights", times: float = 1.0) -> "LogisticWeights":
        """Sum with a multiple of other weights."""
        return LogisticWeights(*(a + times * b for a, b in zip(self, other, strict=True)))

    def over(self, other: "LogisticWeights") -> "LogisticWeights":
        """Weight by weight."""
        return LogisticWeights(*(a / b for a, b in zip(self, other, strict=True)))

    def dot(self, other: "LogisticWeights") -> float:
        """Inner product."""
        return sum(float((a * b).sum()) for a, b in zip(self, other, strict=True))


class Factors(NamedTuple):
    """What u(a) says beside its title's part, in few dimensions: ⟨x · projection, vector(a)⟩."""

    projection: Float[Tensor, "features rank"]
    vectors: Float[Tensor, "artworks rank"]
    shared: Float[Tensor, "components rank"]
    """The vector of artwork never shown is its components times this."""


class HierarchicalLogistic(nn.Module):
    """A normal posterior of all weights by online Laplace, from sums for each artwork.

    An artwork's impressions are kept as Σ w x xᵀ and a moment, `features²` floats; the mean solves
    a linear system in them by conjugate gradients, and 10⁷ impressions take no more room than one.

    Args:
        components: scores of each artwork; rows of mean square about 1.
        title_of: each artwork's title.
        features: how many x has, the first of which is 1.

    Source: hierarchical logistic regression: Gelman and Hill 2007, "Data Analysis Using Regression
    and Multilevel/Hierarchical Models", ch. 13 and 14; variances: Tipping 2001, "Sparse Bayesian
    Learning and the Relevance Vector Machine".
    """

    def __init__(
        self,
        components: Float[Tensor, "artworks components"],
        title_of: Int[Tensor, " artworks"],
        features: int,
    ) -> None:
        super().__init__()
        artworks, titles = len(components), int(title_of.max()) + 1
        every = torch.ones(artworks, 1)  # what all artworks have in common
        self.components: Tensor
        self.title_of: Tensor
        self.gram: Tensor
        self.moment: Tensor
        self.register_buffer("components", torch.cat([components, every], 1))
        self.register_buffer("title_of", title_of)
        self.register_buffer("gram", torch.zeros(artworks, features, features))
        self.register_buffer("moment", torch.zeros(artworks, features))
        self.mean = LogisticWeights(
            torch.zeros(features, self.components.shape[1]),
            torch.zeros(artworks, features),
            torch.zeros(titles, features),
        )
        first = torch.full((features,), FIRST_VARIANCE)
        self.variance = LogisticWeights(first[:, None], first, first.clone())
        self.variance.title[0] = INTERCEPT_VARIANCE

    def weights(self, of: LogisticWeights | None = None) -> Float[Tensor, "artworks features"]:
        """The weights u(a) of every artwork."""
        of = of or self.mean
        return of.title[self.title_of] + self.within_title(of)

    def within_title(self, of: LogisticWeights | None = None) -> Float[Tensor, "artworks features"]:
        """The part of u(a) in which a title's artworks differ: all that a choice depends on."""
        of = of or self.mean
        return of.artwork + self.components @ of.shared.T

    @torch.no_grad()
    def forget(self) -> None:
        """Drop the sums and keep the mean, for all to be observed again: a Newton step."""
        self.gram.zero_()
        self.moment.zero_()

    @torch.no_grad()
    def observe(
        self,
        x: Float[Tensor, "impressions features"],
        shown: Int[Tensor, " impressions"],
        rewards: Float[Tensor, " impressions"],
        offset: Float[Tensor, " impressions"] | float = 0.0,
        weights: Float[Tensor, " impressions"] | None = None,
    ) -> None:
        """Add impressions to the sums, linearised at the present mean; `solve` moves it.

        Args:
            x: features of the facts.
            shown: rows of the artworks.
            rewards: 0 to 1.
            offset: the part of the logit that is not of these weights.
            weights: how much each counts; 1 if not given.
        """
        u = self.weights()
        p = torch.sigmoid((x * u[shown]).sum(1) + offset)
        count = torch.ones_like(rewards) if weights is None else weights
        curvature, surprise = count * p * (1 - p), count * (rewards - p)
        order = shown.argsort()
        seen, counts = torch.unique_consecutive(shown[order], return_counts=True)
        for artwork, rows in zip(seen.tolist(), order.split(counts.tolist()), strict=True):
            here = x[rows]
            gram = here.T @ (curvature[rows, None] * here)
            self.gram[artwork] += gram
            self.moment[artwork] += here.T @ surprise[rows] + gram @ u[artwork]

    @torch.no_grad()
    def solve(self, steps: int = 80) -> None:
        """Move the mean to where the observations have it, by at most so many solver steps.

        Raises:
            ValueError: an observation is not finite.
        """
        right, scale = self._pulls(self.moment), self._diagonal()
        x, left = self.mean, right.plus(self._times(self.mean), -1)
        ahead = z = left.over(scale)
        size, enough = left.dot(z), CONVERGED * right.dot(right.over(scale))
        for _ in range(steps):
            if size <= enough:
                break
            along = self._times(ahead)
            step = size / ahead.dot(along)
            x, left = x.plus(ahead, step), left.plus(along, -step)
            z = left.over(scale)
            size, before = left.dot(z), size
            ahead = z.plus(ahead, size / before)
        if not all(bool(part.isfinite().all()) for part in x):
            raise ValueError("observations of the regression are not finite, or too large")
        self.mean = x

    @torch.no_grad()
    def learn_variances(self, steps: int = 4) -> None:
        """EM steps on the variances of the weights, each followed by `solve`."""
        shown = self.gram[:, 0, 0] > 0
        for _ in range(steps):
            precision = self._diagonal()
            square = LogisticWeights(
                *(m**2 + 1 / d for m, d in zip(self.mean, precision, strict=True))
            )
            kinds = square.shared.mean(1, True), square.artwork[shown].mean(0), square.title.mean(0)
            self.variance = LogisticWeights(
                *(v.clamp(LEAST_VARIANCE, MOST_VARIANCE) for v in kinds)
            )
            self.variance.title[0] = INTERCEPT_VARIANCE
            self.solve()

    @torch.no_grad()
    def deviations(self, second: Float[Tensor, "first first"]) -> Float[Tensor, " artworks"]:
        """Posterior deviation of each artwork's logit, over contexts of this second moment.

        What the artwork's random effect leaves open, for the first features of x; for artwork never
        shown, their prior.
        """
        few, prior = len(second), torch.diag(1 / self.variance.artwork)
        squares = [
            (torch.linalg.inv(part + prior)[:, :few, :few] * second).sum((1, 2))
            for part in self.gram.split(1024)
        ]
        return torch.cat(squares).clamp(min=0).sqrt()

    @torch.no_grad()
    def factors(self, rank: int, second: Float[Tensor, "first first"]) -> Factors:
        """The best `rank` dimensions for all artworks, over contexts of this second moment.

        Weights are noisy, and artworks differ in few ways: fewer dimensions choose better, not
        worse. They stand for the first features of x only, as many as `second` has.
        """
        few = len(second)
        root = torch.linalg.cholesky(second + 1e-4 * torch.eye(few))
        u = self.within_title()[:, :few] @ root
        axes = torch.linalg.svd(u, full_matrices=False)[2][:rank].T
        axes = nn.functional.pad(axes, (0, rank - axes.shape[1]))  # fewer facts or artworks
        projection = torch.linalg.solve_triangular(root.T, axes, upper=True)
        return Factors(projection, u @ axes, self.mean.shared[:few].T @ root @ axes)

    def _pulls(self, by_artwork: Float[Tensor, "artworks features"]) -> LogisticWeights:
        """What pulls at each weight, of what pulls at each u(a)."""
        by_title = torch.zeros_like(self.mean.title).index_add_(0, self.title_of, by_artwork)
        return LogisticWeights(by_artwork.T @ self.components, by_artwork, by_title)

    def _times(self, of: LogisticWeights) -> LogisticWeights:
        """The system's matrix times weights."""
        pulled = torch.bmm(self.gram, self.weights(of)[:, :, None])[:, :, 0]
        return self._pulls(pulled).plus(of.over(self.variance))

    def _diagonal(self) -> LogisticWeights:
        """Of the system's matrix."""
        sums = self.gram.diagonal(dim1=1, dim2=2)
        titles = torch.zeros_like(self.mean.title).index_add_(0, self.title_of, sums)
        parts = LogisticWeights(sums.T @ self.components**2, sums, titles)
        return LogisticWeights(*(m + 1 / v for m, v in zip(parts, self.variance, strict=True)))
