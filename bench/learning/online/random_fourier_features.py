"""Random functions of a context that tell near from far: what a posterior doubts by."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Waves(nn.Module):
    """Cosines in random directions, which never learn; their products fall off with distance.

    What is far, in units of `reach`, has nothing in common: a linear posterior that reads them
    stays in doubt there, however much it was told elsewhere.

    Source: Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines".
    """

    def __init__(self, context: int, features: int, reach: float, seed: int) -> None:
        """Draw the waves.

        Args:
            context: numbers of a context.
            features: how many waves.
            reach: distance at which the mean product of two contexts has fallen to .6.
            seed: of directions and phases.
        """
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.direction: Tensor
        self.phase: Tensor
        direction = torch.randn(features, context, generator=draw) / reach
        self.register_buffer("direction", direction)
        self.register_buffer("phase", 2 * math.pi * torch.rand(features, generator=draw))

    def forward(
        self, context: Float[Tensor, "contexts context"]
    ) -> Float[Tensor, "contexts features"]:
        """Waves of mean square 1."""
        return 2**0.5 * torch.cos(nn.functional.linear(context, self.direction, self.phase))
