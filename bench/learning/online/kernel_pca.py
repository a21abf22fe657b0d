"""An embedding from pixels alone: where images lie among each other, before any reward."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Spectrum(nn.Module):
    """The leading directions of a Gaussian kernel over some images, and any image's place in them.

    It learns from what candidates look like, not from rewards, so that candidates that look alike
    share what is learnt of them from the first reward on. New candidates are placed by their
    distances to the images that it was made from.

    Source: Schölkopf, Smola and Müller 1998, "Nonlinear Component Analysis as a Kernel Eigenvalue
    Problem"; the width by the median distance.
    """

    def __init__(
        self, bank: Float[Tensor, "bank numbers"], size: int, sharpness: float = 3.0
    ) -> None:
        """Learn the directions.

        Args:
            bank: images as numbers; up to a few thousand.
            size: directions kept.
            sharpness: squared median distance over the kernel's squared width.

        Raises:
            ValueError: there are fewer images than directions.
        """
        super().__init__()
        if len(bank) <= size:
            raise ValueError(f"{len(bank)} candidates cannot give {size} directions; ask for fewer")
        images = bank.double()
        distance = torch.cdist(images, images).square()
        self.sharpness = sharpness / float(distance[distance > 0].median())
        kernel = torch.exp(-self.sharpness * distance)
        self.landmarks: Tensor
        self.level: Tensor
        self.project: Tensor
        self.register_buffer("landmarks", images.float())
        self.register_buffer("level", kernel.mean(0).float())
        centred = kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()
        values, vectors = torch.linalg.eigh(centred)
        values, vectors = values[-size:].clamp(min=1e-9), vectors[:, -size:]
        places = vectors * values.sqrt()
        unit = places.square().sum(1).mean().sqrt()  # mean square norm 1
        self.register_buffer("project", (vectors / values.sqrt() / unit).float())

    def forward(self, images: Float[Tensor, "*images numbers"]) -> Float[Tensor, "*images size"]:
        """Places of images."""
        flat = images.reshape(-1, images.shape[-1])
        distance = torch.cdist(flat, self.landmarks).square()
        kernel = torch.exp(-self.sharpness * distance)
        centred = kernel - kernel.mean(1, keepdim=True) - (self.level - self.level.mean())
        return (centred @ self.project).reshape(*images.shape[:-1], -1)
