"""What facts and artwork say together, in closed form: shared by all artworks, and each one's own.

    logit = offset + ⟨x, u(a)⟩,   u(a) = M · components(a) + artwork(a) + title(a)

`x` are features of the facts, `components` an artwork's scores on the principal components of the
embeddings. M is what all artworks share: it judges artwork that was never shown. `artwork` is its
random effect, what its rewards say beyond its content, `title` that of all artworks of a title. All
three are normal about nothing, and how far each feature of the facts may reach is learnt from the
rewards (empirical Bayes): facts that do not matter fade out. Where components come in groups, a
weight's variance is its fact's reach times its group's scale, so groups fade out too.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.heads.epistemic_index import INDEX
from model.heads.level_doubt import LevelDoubt
from model.heads.logistic_weights import (
    FEATURE_AXIS,
    INTERCEPT_VARIANCE,
    Factors,
    LogisticWeights,
    even,
    first_variances,
    lower_root,
    solved,
)

LEAST_VARIANCE, MOST_VARIANCE = 1e-6, 0.09
"""Of a weight: few rewards may say anything."""
RELAXED = 1.9
"""Power of an EM step: below 2 it ends where EM does, in half the steps."""
MOST_STEP = 2.0
"""Logits by which a weight moves at most, at the largest value of its fact, from where rewards were
linearised: a Newton step overshoots from where takes are rare, and the next one, from where they
are certain, flies off. Facts of few members have values far from 0; a level's is 1, and its step
leads from a take of one in eight to one half, from where Newton steps converge."""
CONVERGED = 1e-8
"""Squared residual at which the solver stops, relative to the right side."""
DRAWN = 1e-6
"""The same for draws."""
CHUNK = 1024
"""Artworks whose sums are factored together."""
AT_ONCE = 1 << 24
"""Weights of artworks, in all draws together, that the solver works on: more draws wait."""


class HierarchicalLogistic(nn.Module):
    """A normal posterior of all weights by online Laplace, from sums for each artwork.

    An artwork's impressions are kept as Σ w x xᵀ and a moment, `features²` floats; the mean solves
    a linear system in them by conjugate gradients, and 10⁷ impressions take no more room than one.

    Args:
        components: scores of each artwork; rows of mean square about 1.
        title_of: each artwork's title.
        features: how many x has, the first of which is 1.
        draws: of the posterior.
        seed: of their noise.
        group_of: each component's group, which has a scale of its own, by which all facts' reaches
            are multiplied; a last one is of what all artworks have in common, with reaches of its
            own. None: all are of one.
        expected: what each feature is worth alike for all artworks before there are rewards; 0 if
            not given.

    Source: hierarchical logistic regression: Gelman and Hill 2007, "Data Analysis Using Regression
    and Multilevel/Hierarchical Models", ch. 13 and 14; variances: Tipping 2001, "Sparse Bayesian
    Learning and the Relevance Vector Machine".
    """

    def __init__(
        self,
        components: Float[Tensor, "artworks components"],
        title_of: Int[Tensor, " artworks"],
        features: int,
        draws: int = INDEX,
        seed: int = 0,
        group_of: Int[Tensor, " components"] | None = None,
        expected: Float[Tensor, " features"] | None = None,
    ) -> None:
        super().__init__()
        self.count, self.seed, self.group_of = draws, seed, group_of
        artworks, titles = len(components), int(title_of.max()) + 1
        every = torch.ones(artworks, 1)  # what all artworks have in common
        self.components: Tensor
        self.title_of: Tensor
        self.gram: Tensor
        self.moment: Tensor
        self.expected: Tensor
        nothing = torch.zeros(features)
        self.register_buffer("expected", nothing if expected is None else expected)
        self.register_buffer("components", torch.cat([components, every], 1))
        self.register_buffer("title_of", title_of)
        self.register_buffer("gram", torch.zeros(artworks, features, features))
        self.register_buffer("moment", torch.zeros(artworks, features))
        self.mean = LogisticWeights(
            torch.zeros(features, self.components.shape[1]),
            torch.zeros(artworks, features),
            torch.zeros(titles, features),
        )
        self.mean.shared[:, -1] = self.expected
        self.variance = first_variances(features, self.components.shape[1], group_of)
        self.about, self.reach = self.mean, torch.full((features,), 1.0)
        self.draws: LogisticWeights | None = None

    def weights(
        self, of: LogisticWeights | None = None
    ) -> Float[Tensor, "artworks features *columns"]:
        """The weights u(a) of every artwork."""
        of = of or self.mean
        return of.title[self.title_of] + self.within_title(of)

    def within_title(
        self, of: LogisticWeights | None = None
    ) -> Float[Tensor, "artworks features *columns"]:
        """The part of u(a) in which a title's artworks differ: all that a choice depends on."""
        of = of or self.mean
        return of.artwork + torch.einsum("ac,fc...->af...", self.components, of.shared)

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
        self.about, u = self.mean, self.weights()
        self.reach = torch.cat([self.reach[None], x.abs()]).amax(0)
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
    def solve(self, steps: int = 80, converged: float = CONVERGED) -> None:
        """Move the mean to where the observations have it, by at most so many solver steps.

        Raises:
            ValueError: an observation is not finite.
        """
        right = self._pulls(self.moment[..., None])
        right.shared[:, -1, 0] += self.expected / self.variance.shared[:, -1]
        x = self._solved(right, self.mean.columns(), steps, converged).column(0)
        if not all(bool(part.isfinite().all()) for part in x):
            raise ValueError("observations of the regression are not finite, or too large")
        self.mean = x.near(self.about, MOST_STEP / self.reach)

    @torch.no_grad()
    def draw(
        self,
        steps: int = 80,
        observed: Float[Tensor, "artworks features draws"] | None = None,
        converged: float = DRAWN,
    ) -> None:
        """Make draws of the posterior anew: what each weight is there beyond its mean.

        What was observed is perturbed by noise of its own covariance, and so is the prior; the
        solution of the same system is an exact draw of the normal posterior. The noise is the same
        each time, so draws move only as far as the observations move them.

        Args:
            steps: of the solver, at most.
            observed: the noise of the observations, where the caller has it from before.
            converged: squared residual at which the solver stops, relative to the right side.

        Source: Papandreou and Yuille 2010, "Gaussian Sampling by Local Perturbations".
        """
        observed = self.observed_noise() if observed is None else observed
        prior = self.prior_noise()
        at_once, drawn = max(1, AT_ONCE // self.moment.numel()), list[LogisticWeights]()
        for at in range(0, self.count, at_once):
            columns = slice(at, at + at_once)
            right = self._pulls(observed[..., columns])
            none = LogisticWeights(*(torch.zeros_like(part) for part in right))
            start = none if self.draws is None else self.draws.column(columns)
            deviation = LogisticWeights(*(v.sqrt() for v in self.variance.columns()))
            right = right.plus(prior.column(columns).over(deviation))
            drawn.append(self._solved(right, start, steps, converged))
        self.draws = LogisticWeights(*(torch.cat(parts, -1) for parts in zip(*drawn, strict=True)))

    @torch.no_grad()
    def learn_variances(self, steps: int = 4) -> None:
        """EM steps on the variances of the weights, each followed by `solve` and `draw`.

        How far a weight may still lie from its mean is told by the draws, so that all that is not
        known of the others counts too.
        """
        shown = self.gram[:, 0, 0] > 0
        observed = self.observed_noise()  # the sums stay, and factoring them is half of a draw
        for _ in range(steps):
            self.draw(observed=observed)
            beyond = self.mean.beyond(self.expected)
            assert self.draws is not None
            square = LogisticWeights(
                *(m**2 + (d**2).mean(-1) for m, d in zip(beyond, self.draws, strict=True))
            )
            kinds = square.by_kind(shown, self.group_of)
            self.variance = LogisticWeights(
                *(
                    (v * (kind / v) ** RELAXED).clamp(LEAST_VARIANCE, MOST_VARIANCE)
                    for v, kind in zip(self.variance, kinds, strict=True)
                )
            )
            self.variance.title[0] = INTERCEPT_VARIANCE
            self.solve()
        self.draw(observed=observed)

    @torch.no_grad()
    def doubt(self, second: Float[Tensor, "first first"], draws: int) -> LevelDoubt:
        """What so many draws leave open of artworks, over contexts of this second moment.

        What all artworks have in common moves no choice and is left out.
        """
        assert self.draws is not None, "draw first"
        every = self.draws.shared[None, :, -1]
        drawn = self.within_title(self.draws) - every
        shared = self.draws.shared[0, :-1]
        return LevelDoubt.of(drawn, shared, self.variance.artwork, second, draws)

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

    def observed_noise(self) -> Float[Tensor, "artworks features draws"]:
        """Noise of the covariance that the sums of the observations have."""
        generator = torch.Generator().manual_seed(self.seed)
        observed = torch.randn(*self.moment.shape, self.count, generator=generator)
        for part, gram in zip(observed.split(CHUNK), self.gram.split(CHUNK), strict=True):
            part.copy_(lower_root(gram) @ part)
        return observed

    def prior_noise(self) -> LogisticWeights:
        """Noise of deviation 1 for each weight and draw."""
        generator = torch.Generator().manual_seed(self.seed + 1)
        parts = (
            even(torch.randn(*part.shape, self.count, generator=generator), of)
            for part, of in zip(self.mean, FEATURE_AXIS, strict=True)
        )
        return LogisticWeights(*parts)

    def _pulls(self, by_artwork: Float[Tensor, "artworks features columns"]) -> LogisticWeights:
        """What pulls at each weight, of what pulls at each u(a)."""
        titles = self.mean.title.new_zeros(*self.mean.title.shape, by_artwork.shape[-1])
        by_title = titles.index_add_(0, self.title_of, by_artwork)
        shared = (by_artwork.flatten(1).T @ self.components).unflatten(0, by_artwork.shape[1:])
        return LogisticWeights(shared.transpose(1, 2), by_artwork, by_title)

    def _times(self, of: LogisticWeights) -> LogisticWeights:
        """The system's matrix times weights."""
        pulled = torch.bmm(self.gram, self.weights(of))
        return self._pulls(pulled).plus(of.over(self.variance.columns()))

    def _solved(
        self, right: LogisticWeights, start: LogisticWeights, steps: int, converged: float
    ) -> LogisticWeights:
        return solved(self._times, self._diagonal().columns(), right, start, steps, converged)

    def _diagonal(self) -> LogisticWeights:
        """Of the system's matrix."""
        sums = self.gram.diagonal(dim1=1, dim2=2)
        titles = torch.zeros_like(self.mean.title).index_add_(0, self.title_of, sums)
        parts = LogisticWeights(sums.T @ self.components**2, sums, titles)
        return LogisticWeights(*(m + 1 / v for m, v in zip(parts, self.variance, strict=True)))
