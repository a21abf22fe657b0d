"""Random views of images: what may change without changing what an image says."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SHIFT = 0.1
TILT = 0.1
"""Radians."""
ZOOM = (0.5, 1.0)
"""Smallest and largest part of an image's width that a zoomed view shows. Not more than all of it:
what fills the margin would tell the zoom by itself."""


class Views(NamedTuple):
    """Views of images, and how much of each image they show."""

    images: UInt8[Tensor, "images 3 height width"]
    zoom: Float[Tensor, " images"]
    """Log of the share of the width that is in view."""


class Draws(NamedTuple):
    """Random numbers of some images of a batch: the same ones, whoever holds the others."""

    generator: torch.Generator
    images: int
    place: Int[Tensor, " images"] | None = None
    """Which of the batch's images these are; None: all."""
    whole: int = 0
    """Images of the batch, where these are not all."""

    def __call__(self, *shape: int) -> Float[Tensor, "images ..."]:
        """Uniform on [0, 1)."""
        if self.place is None:
            return torch.rand(self.images, *shape, generator=self.generator)
        return torch.rand(self.whole, *shape, generator=self.generator)[self.place.cpu()]


def random_views(
    images: UInt8[Tensor, "images 3 height width"],
    draws: Draws,
    zoom: tuple[float, float] = (0.95, 1.05),
) -> Views:
    """Each image mirrored or not, zoomed, turned and shifted a little; colours stay.

    Warmth and brightness are part of what members like, so views keep them; see `recoloured`.
    """
    n, _, height, width = images.shape
    aspect = height / width

    def draw(low: float, high: float) -> Float[Tensor, " images"]:
        return draws() * (high - low) + low

    logs = draw(math.log(zoom[0]), math.log(zoom[1]))
    scale, tilt = logs.exp(), draw(-TILT, TILT)
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = scale * mirror * tilt.cos()
    matrix[:, 0, 1] = -scale * tilt.sin() * aspect
    matrix[:, 1, 0] = scale * mirror * tilt.sin() / aspect
    matrix[:, 1, 1] = scale * tilt.cos()
    matrix[:, 0, 2], matrix[:, 1, 2] = draw(-SHIFT, SHIFT), draw(-SHIFT, SHIFT)
    grid = affine_grid(matrix, list(images.shape), align_corners=False).to(images.device)
    views = grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    return Views(views.round().clamp(0, 255).to(torch.uint8), logs.to(images.device))


def recoloured(
    images: UInt8[Tensor, "images 3 height width"],
    which: Bool[Tensor, " images"],
    draws: Draws,
) -> UInt8[Tensor, "images 3 height width"]:
    """Some of the images in other colours: the same subjects, in another style."""
    gain = draws(3, 1, 1) * 0.7 + 0.65
    lift = draws(1, 1, 1) * 60 - 30
    grey = draws(1, 1, 1) < 0.15
    source = images.float()
    source = torch.where(grey.to(images.device), source.mean(1, keepdim=True), source)
    changed = (source * gain.to(images.device) + lift.to(images.device)).clamp(0, 255)
    return torch.where(which[:, None, None, None], changed.round().to(torch.uint8), images)
