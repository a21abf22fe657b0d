"""What every kind of head is: a bank of linear functionals over artwork vectors."""

from typing import Literal, Protocol

from jaxtyping import Float
from torch import Tensor

Kind = Literal["bootstrap", "dropout", "hierarchical", "neural_linear", "point"]


KINDS: tuple[Kind, ...] = ("bootstrap", "dropout", "hierarchical", "neural_linear", "point")


Functionals = Float[Tensor, "contexts heads rank_and_prior"]


class Heads(Protocol):
    """What every kind has in common."""

    heads: int
    """Functionals in the bank: when serving."""
    trained_heads: int
    """Functionals given in training, each with its own loss: weights need as many columns."""

    def __call__(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The bank for each context.

        Args:
            g: what the trunk says of the contexts.
            frozen: what `FrozenContext` says of them; kinds without a prior ignore it.
        """
        ...

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """The first `rank` numbers: what is trained."""
        ...
