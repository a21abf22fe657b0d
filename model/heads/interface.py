"""What every kind of head is: a bank of linear functionals over artwork vectors.

A kind is one file with one class. It says what it reads of a context, what becomes of it before
the towers learn alone and once they have learnt, and with that which records artworks get.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeVar, get_args

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from model.heads.bayesian_last_layer import Link

Kind = Literal["bootstrap", "dropout", "hierarchical", "neural_linear", "point"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DEFAULT_KIND: Kind = "hierarchical"

Functionals = Float[Tensor, "contexts heads rank_and_prior"]
Inferred = TypeVar("Inferred", covariant=True)


@dataclass(frozen=True)
class HeadSettings:
    """What heads are made of; each kind reads what it needs.

    Raises:
        ValueError: a number out of its range.
    """

    width: int
    """Features that the trunk gives."""
    rank: int
    """Learnt numbers of the artwork's vector."""
    heads: int = 20
    """Functionals in the bank; `point` has one."""
    prior: int = 8
    """Frozen numbers of the artwork's vector, after the learnt ones."""
    prior_scale: float = 0.3
    """Deviation of the prior functions, or of neural_linear's prior, in logits."""
    prior_features: int = 0
    """Features that `PriorNetwork` gives; 0: prior functions of the artwork alone."""
    facts: int = 0
    """Features of the facts, which hierarchical heads read."""
    keep: float = 0.8
    """Share of the trunk's features that a dropout mask keeps."""
    last_width: int = 8
    """Features of the context that neural_linear's posterior reads; 0: the trunk's."""
    per_arm: bool = False
    """neural_linear has a posterior for each number of the vector: for one-hot vectors."""
    noise: float | None = None
    """That neural_linear's posterior takes a reward to have; None: it estimates it."""
    link: Link = "logit"
    """Of neural_linear's posterior: logit for takes, identity for other rewards."""
    seed: int = 0
    """Of prior functions, masks and posterior draws."""

    def __post_init__(self) -> None:
        if self.heads < 1 or self.rank < 1 or self.prior < 0 or self.prior_features < 0:
            raise ValueError(
                f"heads is {self.heads}, rank {self.rank}, prior {self.prior}, prior_features "
                f"{self.prior_features}: heads and rank must be at least 1, the others at least 0"
            )


class Heads(nn.Module, ABC):
    """A bank of functionals, in training and in use."""

    kind: ClassVar[Kind]
    has_prior_functions: ClassVar[bool] = False
    """Whether artworks' frozen numbers mean anything to it."""
    heads: int
    """Functionals in the bank: when serving."""
    trained_heads: int
    """Functionals given in training, each with its own loss: weights need as many columns."""
    rank: int
    """Learnt numbers of a functional."""
    prior: int
    """Numbers after them that meet the artwork's frozen ones."""
    functional: nn.Linear
    """What is trained of them."""

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__()
        self.rank, self.prior = settings.rank, settings.prior

    def context_input(
        self, facts: Float[Tensor, "contexts facts"], prior_network: nn.Module
    ) -> Float[Tensor, "contexts read"] | None:
        """What this kind reads of a context beside the trunk; None: nothing.

        Args:
            facts: features of the facts.
            prior_network: of the context tower, see `PriorNetwork`.
        """
        del facts, prior_network
        return None

    @abstractmethod
    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts read"] | None = None,
    ) -> Functionals:
        """The bank for each context.

        Args:
            g: what the trunk says of the contexts.
            read: what `context_input` gives; kinds that read the trunk alone go without.
        """

    @abstractmethod
    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """The first `rank` numbers: what is trained."""

    def prior_part(
        self, read: Float[Tensor, "contexts read"]
    ) -> Float[Tensor, "contexts heads prior"]:
        """The numbers after them, which never learn: 0 but for prior functions."""
        return read.new_zeros(len(read), self.trained_heads, self.prior)

    def begin_stage(self) -> None:
        """Called before the towers first learn, and before they learn without the encoder."""

    @torch.no_grad()
    def begin_at_nothing(self) -> None:
        """Make the trained functional 0, for one that is inferred to stand beside it."""
        for weights in self.functional.parameters():
            weights.zero_()

    @abstractmethod
    def infer(self, inference: "Inference[Inferred]") -> Inferred:
        """Once the towers have learnt: ask for what this kind knows beyond gradients.

        Args:
            inference: closed forms over the examples that the towers learnt from.

        Returns:
            What the last of them gives: the records of artworks, and the posterior behind them.
        """


class LastLayerHeads(Protocol):
    """Heads with a posterior of their last layer."""

    rank: int

    def features(self, g: Tensor, vectors: Tensor, /) -> Tensor:
        """What the posterior reads of each (context, artwork)."""
        ...

    def recentre(self, size: float, /, zero: bool = False) -> None:
        """Back to the prior, centred on what was trained or on 0.

        Args:
            size: mean square of the features.
            zero: the latter.
        """
        ...

    def update(
        self, features: Tensor, rewards: Tensor, weights: Tensor | None, offset: Tensor, /
    ) -> None:
        """Observe a batch of rewards."""
        ...

    def predict(self, features: Tensor, /) -> tuple[Tensor, Tensor]:
        """Predicted mean and deviation of the scores."""
        ...

    def draw(self, generator: Generator, /, scale: float = 1.0) -> None:
        """Fill the bank from the posterior, its deviation times the scale."""
        ...


class ProjectedHeads(Protocol):
    """Heads whose functional may be a projection of the facts."""

    heads: int
    rank: int

    def standardise(self, facts: Tensor, /) -> None:
        """Make facts like these have mean 0 and deviation 1."""
        ...

    def features(self, facts: Tensor, /) -> Tensor:
        """What is projected: 1, and the facts standardised."""
        ...

    def project(self, projection: Tensor, /) -> None:
        """Put a projection in the trained functional's place."""
        ...


class Inference(Protocol[Inferred]):
    """What can be inferred in closed form once the towers have learnt."""

    def random_effects(self) -> Inferred:
        """What each artwork's own rewards say beyond what heads say of its content features."""
        ...

    def last_layer(self, heads: LastLayerHeads, /) -> Inferred:
        """The posterior of the last layer, then random effects."""
        ...

    def hierarchical_regression(self, heads: ProjectedHeads, /) -> Inferred:
        """Facts, content features and random effects in one regression, in the towers' place."""
        ...
