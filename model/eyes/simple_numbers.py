"""Thirty-five numbers of a picture by code, each named: colour, light, contrast, where it is fine.

They are computed at about 128 × 72 pixels, whatever the size of the image, and inside the graph:
torch trains with what ONNX Runtime serves.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from data.images.format import PIXELS
from model.eyes.pixel_graph import FeatureGroup, PixelGraph
from model.eyes.torch_graph import torch_graph

COLOURS = ("red", "green", "blue")
QUANTILES = (5, 25, 50, 75, 95)
SCALES = (1, 2, 4, 8)
"""Pixels over which brightness is averaged before neighbours are compared."""
LEAST_SIDE = 24
"""Pixels of an image's sides: three at the coarsest scale."""
LITTLE = 1e-6
NAMES = (
    *(f"mean {colour}" for colour in COLOURS),
    *(f"deviation of {colour}" for colour in COLOURS),
    *(f"brightness, quantile {q}%" for q in QUANTILES),
    *("deviation of brightness", "mean saturation", "deviation of saturation"),
    *("red less blue", "deviation of red less blue"),
    *("red less green", "deviation of red less green"),
    *(f"{way} edges at scale {scale}" for scale in SCALES for way in ("upright", "level")),
    *(f"{colour} in the middle, less the whole" for colour in COLOURS),
    *("deviation of brightness in the middle, less the whole",),
    *("saturation in the middle, less the whole",),
    *(f"edges in the middle at scale {scale}, less the whole" for scale in SCALES),
)
"""What each number is."""
GREY = (0.299, 0.587, 0.114)
"""What the colours count for brightness (ITU-R BT.601)."""


class SimpleNumbers(nn.Module):
    """Pixels to the numbers that `NAMES` names; values are shares of 255."""

    def forward(
        self, image: UInt8[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images numbers"]:
        """Of any images, of sides of `LEAST_SIDE` at least."""
        height, width = image.shape[2:]
        times = max(1, round(math.sqrt(height * width / PIXELS)))
        times = min(times, height // LEAST_SIDE, width // LEAST_SIDE)
        small = avg_pool2d(image.float() / 255, times)
        red, green, blue = small.unbind(1)
        bright = GREY[0] * red + GREY[1] * green + GREY[2] * blue
        vivid = small.amax(1) - small.amin(1)
        edges = [_edges(bright, scale) for scale in SCALES]
        numbers = [
            small.mean((2, 3)),
            _deviation(small, (2, 3)),
            _quantiles(bright),
            *(_deviation(bright), vivid.mean((1, 2)), _deviation(vivid)),
            *((red - blue).mean((1, 2)), _deviation(red - blue)),
            *((red - green).mean((1, 2)), _deviation(red - green)),
            *(of.mean((1, 2)) for pair in edges for of in pair),
            _middle(small).mean((2, 3)) - small.mean((2, 3)),
            _deviation(_middle(bright)) - _deviation(bright),
            _middle(vivid).mean((1, 2)) - vivid.mean((1, 2)),
            *(sum(_middle(of).mean((1, 2)) - of.mean((1, 2)) for of in pair) for pair in edges),
        ]
        return torch.cat([of if of.ndim == 2 else of[:, None] for of in numbers], 1)


def _deviation(of: Tensor, axes: tuple[int, ...] = (1, 2)) -> Tensor:
    centred = of - of.mean(axes, keepdim=True)
    return (centred.square().mean(axes) + LITTLE).sqrt()


def _quantiles(bright: Float[Tensor, "images height width"]) -> Float[Tensor, "images quantiles"]:
    """Of means of two by two pixels, which tell as much and sort faster."""
    sorted_values = avg_pool2d(bright[:, None], 2).flatten(1).sort(1).values
    last = sorted_values.shape[1] - 1
    return torch.stack([sorted_values[:, round(q / 100 * last)] for q in QUANTILES], 1)


def _edges(bright: Float[Tensor, "images height width"], scale: int) -> tuple[Tensor, Tensor]:
    """How far neighbours differ, beside each other and one above the other."""
    coarse = avg_pool2d(bright[:, None], scale)[:, 0] if scale > 1 else bright
    upright = (coarse[:, :, 1:] - coarse[:, :, :-1]).abs()
    return upright, (coarse[:, 1:] - coarse[:, :-1]).abs()


def _middle(of: Tensor) -> Tensor:
    """The middle half of each side."""
    height, width = of.shape[-2:]
    return of[..., height // 4 : height - height // 4, width // 4 : width - width // 4]


@dataclass(frozen=True)
class SimpleEye:
    """The simple numbers as an eye of their own."""

    name: str = "simple"
    least: int = LEAST_SIDE
    size: tuple[int, int] | None = None

    def graph(self, size: tuple[int, int]) -> PixelGraph:
        """See `model.eyes.interface.Eye`."""
        return _graph(self.name, size)


@lru_cache(maxsize=8)
def _graph(name: str, size: tuple[int, int]) -> PixelGraph:
    """Exported once for a size: that takes seconds, and those who read a graph do not change it."""
    return torch_graph(SimpleNumbers(), size, (FeatureGroup(name, len(NAMES)),), f"{name} 1")
