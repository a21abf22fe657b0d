"""What decoded pictures are like: how many pixels, and how much of a picture they show."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

LARGEST_SIDE = 16_384
MAIN = "main"
"""As `data.pictures` has it: workers that decode import this file, and not that one."""
FITS = ("whole", "crop")
PIXELS = 72 * 128
"""About as many as a catalogue's format has, whatever its aspect."""
STEP = 4
"""Sides are multiples of it."""
SHORTEST, LONGEST = 48, 192
"""Between which sides are chosen."""
PLAIN = 1.02
"""Aspects that differ by less are taken for the same."""


@dataclass(frozen=True)
class ImageFormat:
    """Pixels that an encoder reads.

    Raises:
        ValueError: a side outside 1 … 16,384, another fit, or a canvas without a name.
    """

    height: int = 72
    width: int = 128
    fit: str = "whole"
    """`whole`: all of a picture, with bars where it has another aspect. `crop`: what is about its
    focal point, or its middle, as bundles of earlier versions read it."""
    canvas: str = MAIN
    """Of the pictures that are read, where artworks have several."""

    def __post_init__(self) -> None:
        for name, side in (("height", self.height), ("width", self.width)):
            if not 1 <= side <= LARGEST_SIDE:
                raise ValueError(f"{name} is {side}; it must lie in 1 … {LARGEST_SIDE:,}")
        if self.fit not in FITS:
            raise ValueError(f"fit is {self.fit!r}; it must be whole or crop")
        if not self.canvas:
            raise ValueError("canvas is empty; it must be a name")

    def __str__(self) -> str:
        """As files are named by it: the same whatever the canvas."""
        return f"{self.height}x{self.width}" + ("" if self.fit == "crop" else f"-{self.fit}")

    @classmethod
    def of_aspects(
        cls, aspects: Iterable[float], fit: str = "whole", canvas: str = MAIN
    ) -> "ImageFormat":
        """The format for pictures of these aspects, width over height: that of the middle one.

        No aspects have the format of 16:9.
        """
        known = list(aspects)
        if not known:
            return cls(fit=fit, canvas=canvas)
        aspect = math.exp(np.median(np.log(known)))
        sides = range(SHORTEST, LONGEST + 1, STEP)
        return min(
            (cls(height, width, fit, canvas) for height in sides for width in sides),
            key=lambda one: (one._strain(aspect), one.height),
        )

    def _strain(self, aspect: float) -> float:
        """How far it is from an aspect, and, counted a quarter, from the usual number of pixels."""
        apart = abs(math.log(self.width / self.height / aspect))
        return (
            max(0.0, apart - math.log(PLAIN) / 4)
            + abs(math.log(self.height * self.width / PIXELS)) / 4
        )

    def place(self, columns: int, rows: int) -> tuple[int, int]:
        """Width and height of a picture of so many pixels, made to fit in."""
        scale = min(self.width / columns, self.height / rows)
        return (
            min(self.width, max(1, round(columns * scale))),
            min(self.height, max(1, round(rows * scale))),
        )
