"""Random views of images: what may change without changing what an image says."""

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SCALE = (0.8, 1.15)
SHIFT = 0.2
TILT = 0.2
"""Radians."""


def random_views(
    images: UInt8[Tensor, "images 3 height width"], generator: torch.Generator
) -> UInt8[Tensor, "images 3 height width"]:
    """Each image mirrored or not, scaled, turned and shifted a little; colours stay.

    Warmth and brightness are part of what members like, so views keep them; see `recoloured`.
    """
    n, _, height, width = images.shape
    aspect = height / width

    def draw(low: float, high: float) -> Float[Tensor, " images"]:
        return torch.rand(n, generator=generator) * (high - low) + low

    scale, tilt = draw(*SCALE), draw(-TILT, TILT)
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = scale * mirror * tilt.cos()
    matrix[:, 0, 1] = -scale * tilt.sin() * aspect
    matrix[:, 1, 0] = scale * mirror * tilt.sin() / aspect
    matrix[:, 1, 1] = scale * tilt.cos()
    matrix[:, 0, 2], matrix[:, 1, 2] = draw(-SHIFT, SHIFT), draw(-SHIFT, SHIFT)
    grid = affine_grid(matrix, list(images.shape), align_corners=False).to(images.device)
    views = grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    return views.round().clamp(0, 255).to(torch.uint8)


def recoloured(
    images: UInt8[Tensor, "images 3 height width"],
    which: Bool[Tensor, " images"],
    generator: torch.Generator,
) -> UInt8[Tensor, "images 3 height width"]:
    """Some of the images in other colours: the same subjects, in another style."""
    n = len(images)
    gain = torch.rand(n, 3, 1, 1, generator=generator) * 0.7 + 0.65
    lift = torch.rand(n, 1, 1, 1, generator=generator) * 60 - 30
    grey = torch.rand(n, 1, 1, 1, generator=generator) < 0.15
    source = images.float()
    source = torch.where(grey.to(images.device), source.mean(1, keepdim=True), source)
    changed = (source * gain.to(images.device) + lift.to(images.device)).clamp(0, 255)
    return torch.where(which[:, None, None, None], changed.round().to(torch.uint8), images)
