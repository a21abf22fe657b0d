"""The frozen random network whose read-outs are the heads' prior functions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.standardise import mean_and_deviation


class PriorNetwork(nn.Module):
    """A wide random network that never learns, standardised: what prior functions read.

    One network for all heads: each head's prior function is a random read-out of it, so the bank
    stays a matrix product (Dwaracherla et al. 2022, "Ensembles for Uncertainty Estimation").
    """

    def __init__(self, context: int, features: int = 256, seed: int = 0) -> None:
        super().__init__()
        self.features = features
        self.layers = nn.Sequential(
            nn.Linear(context, features), nn.ReLU(), nn.Linear(features, features), nn.ReLU()
        )
        draw = torch.Generator().manual_seed(seed)
        for layer in self.layers[::2]:
            assert isinstance(layer, nn.Linear)
            nn.init.normal_(layer.weight, std=(2 / layer.in_features) ** 0.5, generator=draw)
            nn.init.normal_(layer.bias, std=0.5, generator=draw)
        self.requires_grad_(False)
        self.shift: Tensor
        self.spread: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("shift", torch.zeros(context))
        self.register_buffer("spread", torch.ones(context))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.standardise(torch.randn(1024, context, generator=draw))

    @torch.no_grad()
    def standardise(self, contexts: Float[Tensor, "contexts context"]) -> None:
        """Make facts and features of these contexts have mean 0 and deviation 1.

        Call it once, with contexts as they come, before the first training: later it would change
        the prior functions under the heads. What hardly varies is left small.
        """
        mean, deviation = mean_and_deviation(contexts)
        self.shift.copy_(mean)
        self.spread.copy_(deviation)
        features = self.layers((contexts - self.shift) / self.spread)
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        self.deviation.copy_(deviation.clamp(min=0.1 * float(deviation.mean()) + 1e-6))

    def forward(
        self, context: Float[Tensor, "contexts context"]
    ) -> Float[Tensor, "contexts features"]:
        """Features, of about mean 0 and deviation 1 each."""
        features = self.layers((context.detach() - self.shift) / self.spread)
        return (features - self.mean) / self.deviation
