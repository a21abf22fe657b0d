"""What the online bandit does to contexts and candidates before its heads read them."""

from jaxtyping import Float
from torch import Tensor, nn

from data.standardise import LEAST_DEVIATION
from model.heads.standardise import mean_and_deviation


class Standardise(nn.Module):
    """Inputs to mean 0 and deviation 1, by a sample."""

    def __init__(
        self, sample: Float[Tensor, "rows features"], least: float = LEAST_DEVIATION
    ) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        mean, deviation = mean_and_deviation(sample, least)
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, x: Float[Tensor, "*rows features"]) -> Float[Tensor, "*rows features"]:
        """Standardised."""
        return (x - self.mean) / self.deviation


def trunk(size: int, width: int) -> nn.Module:
    """Two layers of so many features; 0: none at all, and the heads read the context alone."""
    if not width:
        return _Nothing()
    return nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())


class _Nothing(nn.Module):
    """No features at all."""

    def forward(self, x: Float[Tensor, "rows features"]) -> Float[Tensor, "rows 0"]:
        """Of any context."""
        return x[:, :0]
