"""A value for each weight of the regression, and linear systems in them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

FEATURE_AXIS = (0, 1, 1)
"""Of the parts of `LogisticWeights`."""
FIRST_VARIANCE, FIRST_LEVEL_VARIANCE = 0.01, 0.04
"""Of a fact's weight and of a level before there are rewards; few rewards do not teach variances,
and artworks of a title differ by about a fifth of a logit."""
FIRST_SHARED, FIRST_OWN = 0.16, 0.025
"""Of what all facts together may say of an artwork before there are rewards: by its content, in all
groups together, and beyond it. Many facts share it, or few rewards would be read as anything."""
INTERCEPT_VARIANCE = 1.0
"""Of a title's intercept, which is not learnt: titles differ much."""


class LogisticWeights(NamedTuple):
    """A value for each weight: its mean, pull or residual; a last axis holds several of each."""

    shared: Float[Tensor, "features components *columns"]
    artwork: Float[Tensor, "artworks features *columns"]
    title: Float[Tensor, "titles features *columns"]

    def plus(
        self, other: "LogisticWeights", times: Float[Tensor, " *columns"] | float = 1.0
    ) -> "LogisticWeights":
        """Sum with a multiple of other weights."""
        return LogisticWeights(*(a + times * b for a, b in zip(self, other, strict=True)))

    def near(self, about: "LogisticWeights", most: Float[Tensor, " features"]) -> "LogisticWeights":
        """No weight farther from another's than the most of its feature."""
        limits = (most[:, None], most, most)
        pairs = zip(self, about, limits, strict=True)
        return LogisticWeights(*(a.clamp(b - of, b + of) for a, b, of in pairs))

    def over(self, other: "LogisticWeights") -> "LogisticWeights":
        """Weight by weight."""
        return LogisticWeights(*(a / b for a, b in zip(self, other, strict=True)))

    def dot(self, other: "LogisticWeights") -> Float[Tensor, " columns"]:
        """Inner product of each column."""
        return sum(((a * b).sum((0, 1)) for a, b in zip(self, other, strict=True)), torch.zeros(()))

    def by_kind(
        self, shown: Bool[Tensor, " artworks"], group_of: Int[Tensor, " components"] | None
    ) -> "LogisticWeights":
        """What squares say of the variances that weights share; of the artworks that were shown."""
        shared = reach_and_scale(self.shared, group_of)
        return LogisticWeights(shared, self.artwork[shown].mean(0), self.title.mean(0))

    def beyond(self, expected: Float[Tensor, " features"]) -> "LogisticWeights":
        """Less what is expected of what all artworks have in common, the last component."""
        alike = self.shared[:, -1:] - expected[:, None]
        return self._replace(shared=torch.cat([self.shared[:, :-1], alike], 1))

    def columns(self) -> "LogisticWeights":
        """The same as one column."""
        return LogisticWeights(*(part[..., None] for part in self))

    def column(self, at: int | slice) -> "LogisticWeights":
        """One of several, or some."""
        return LogisticWeights(*(part[..., at] for part in self))


class Factors(NamedTuple):
    """What u(a) says beside its title's part, in few dimensions: ⟨x · projection, vector(a)⟩."""

    projection: Float[Tensor, "features rank"]
    vectors: Float[Tensor, "artworks rank"]
    shared: Float[Tensor, "components rank"]
    """The vector of artwork never shown is its components times this."""


def solved(
    times: Callable[[LogisticWeights], LogisticWeights],
    diagonal: LogisticWeights,
    right: LogisticWeights,
    start: LogisticWeights,
    steps: int,
    converged: float,
) -> LogisticWeights:
    """Where the matrix times the weights is the right side, column by column.

    Args:
        times: the matrix: symmetric, positive definite.
        diagonal: its own, by which steps are scaled; a column.
        right: columns.
        start: columns.
        steps: at most so many.
        converged: squared residual at which to stop, relative to the right side.

    Source: Hestenes and Stiefel 1952, conjugate gradients; Golub and Van Loan, section 11.5.
    """
    x, left = start, right.plus(times(start), -1.0)
    ahead = z = left.over(diagonal)
    size, enough = left.dot(z), converged * right.dot(right.over(diagonal))
    for _ in range(steps):
        if bool((size <= enough).all()):
            break
        along = times(ahead)
        step = size / ahead.dot(along).clamp(min=TINY)  # a column that is there already stays
        x, left = x.plus(ahead, step), left.plus(along, -step)
        z = left.over(diagonal)
        size, before = left.dot(z), size
        ahead = z.plus(ahead, size / before.clamp(min=TINY))
    return x


def even(noise: Float[Tensor, "rows more columns"], axis: int) -> Tensor:
    """The noise with mean square 1 for each feature, the axis of which is told.

    The same noise comes at every step of EM, which would drift by what it is off where rewards say
    little.
    """
    return noise / noise.square().mean([of for of in range(3) if of != axis], keepdim=True).sqrt()


def group_of_each(groups: Sequence[int]) -> Int[Tensor, " components"] | None:
    """The group of each component; what all artworks have in common, the last, is one of its own.

    Args:
        groups: how many components are of each; None come of none.
    """
    if not groups:
        return None
    return torch.repeat_interleave(torch.arange(len(groups) + 1), torch.tensor([*groups, 1]))


def reach_and_scale(
    square: Float[Tensor, "features components"], group_of: Int[Tensor, " components"] | None
) -> Float[Tensor, "features components_or_one"]:
    """The likeliest variances that are a fact's reach times a group's scale, at each component.

    A variance for each fact and group would be learnt from a dozen or two of weights, and what few
    rewards say of these is mostly chance. What all artworks have in common, the last group, keeps
    a variance for each fact. Without groups all components are of one.

    Args:
        square: expected squares of the weights.
        group_of: each component's group.
    """
    if group_of is None:
        return square.mean(1, True)
    member = nn.functional.one_hot(group_of).to(square.dtype)
    size = member.sum(0)
    mean = (square @ member / size).clamp(min=LEAST_SQUARE)
    groups, count = mean[:, :-1], size[:-1]
    reach, scale = groups.mean(1), groups.mean(0)
    for _ in range(ALTERNATIONS):
        reach = (groups / scale) @ count / count.sum()
        scale = (groups / reach[:, None]).mean(0)
    return torch.cat([reach[:, None] * scale, mean[:, -1:]], 1)[:, group_of]


def first_variances(
    features: int, components: int, group_of: Int[Tensor, " components"] | None
) -> LogisticWeights:
    """Variances before there are rewards.

    Args:
        features: how many, the first of which is 1.
        components: how many, with the last, what all artworks have in common.
        group_of: each component's group; None: all are of one.
    """
    groups, facts = 1 if group_of is None else int(group_of.max()), max(1, features - 1)
    first = torch.full((features,), FIRST_VARIANCE)
    first[0] = FIRST_LEVEL_VARIANCE
    shared, own, title = first[:, None].repeat(1, components), first.clone(), first
    shared[1:, :-1] = min(FIRST_VARIANCE, FIRST_SHARED / facts / groups)
    shared[0, :-1] = FIRST_LEVEL_VARIANCE / groups
    own[1:] = min(FIRST_VARIANCE, FIRST_OWN / facts)
    title[0] = INTERCEPT_VARIANCE
    return LogisticWeights(shared[:, :1] if group_of is None else shared, own, title)


LEAST_SQUARE = 1e-9
"""Of a group's weights, far below the least variance: none is taken to be 0."""
ALTERNATIONS = 30
"""Between the reaches of facts and the scales of groups: each is where the other has it."""
TINY = 1e-30
"""Of a residual that is 0."""


def lower_root(
    gram: Float[Tensor, "artworks features features"],
) -> Float[Tensor, "artworks features features"]:
    """L with L Lᵀ = gram; what few impressions leave singular gains a little on its diagonal."""
    sums = gram.double()
    trace = sums.diagonal(dim1=1, dim2=2).sum(1)
    least = (1e-3 + 2e-7 * trace)[:, None, None] * torch.eye(gram.shape[1])
    return torch.linalg.cholesky(sums + least).float()
