"""The two files of an image cache: pixels that grow, and the hash of each image's content."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from data.images.decode import DECODER_VERSION
from data.images.format import ImageFormat
from data.images.row_store import RowStore, locked


class PixelStore(RowStore):
    """Pixels by the hash of an image's content, all of one format."""

    def __init__(self, pixels: Path, shape: ImageFormat) -> None:
        super().__init__(pixels, (3, shape.height, shape.width), np.uint8)
        self.format = shape

    @classmethod
    @contextmanager
    def open(cls, folder: Path, shape: ImageFormat) -> Iterator["PixelStore"]:
        """The store in `folder`, held by this process alone until the block ends."""
        name = f"images-{shape}-v{DECODER_VERSION}"
        with locked(folder, name):
            yield cls(folder / f"{name}.npy", shape)

    def images(self) -> UInt8[np.ndarray, "images 3 h w"]:
        """Every image, as `array` gives them."""
        return self.array()
