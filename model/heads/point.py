"""One head: the greedy baseline."""

from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals


class PointHead(nn.Module):
    """One functional and no prior: the greedy baseline."""

    def __init__(self, width: int, rank: int, prior: int) -> None:
        super().__init__()
        self.heads = self.trained_heads = 1
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, rank)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The functional."""
        return nn.functional.pad(self.learnt(g), (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts 1 rank"]:
        """What is trained."""
        return self.functional(g)[:, None]
