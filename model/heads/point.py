"""One head: the greedy baseline."""

from jaxtyping import Float
from torch import Tensor, nn

from model.heads.interface import Functionals, Heads, HeadSettings, Inference, Inferred


class PointHead(Heads):
    """One functional and no prior: the greedy baseline."""

    kind = "point"

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__(settings)
        self.heads = self.trained_heads = 1
        self.functional = nn.Linear(settings.width, settings.rank)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts read"] | None = None,
    ) -> Functionals:
        """The functional."""
        return nn.functional.pad(self.learnt(g), (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts 1 rank"]:
        """What is trained."""
        return self.functional(g)[:, None]

    def infer(self, inference: Inference[Inferred]) -> Inferred:
        """Artworks get their random effects: their means, since one head cannot explore."""
        return inference.random_effects()
