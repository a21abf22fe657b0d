"""What all eyes are to those who look through them."""

from typing import Protocol

from model.eyes.pixel_graph import PixelGraph


class Eye(Protocol):
    """One way to see a picture that learns nothing from rewards."""

    @property
    def name(self) -> str:
        """As it was asked for; its groups begin with it."""
        ...

    @property
    def least(self) -> int:
        """Pixels that each side of an image must have."""
        ...

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the images that it takes; None: any."""
        ...

    def graph(self, size: tuple[int, int]) -> PixelGraph:
        """From pixels to its groups, with its normalisation inside.

        Args:
            size: height and width of the images.

        Raises:
            BadInput: weights that cannot be had or are others, or a model of another shape.
        """
        ...
