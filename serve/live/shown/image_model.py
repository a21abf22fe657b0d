"""What a live service asks of a model about images that its catalogue does not have."""

from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from data.images.format import ImageFormat
from data.records import TitleId
from serve.live.schema import ScoredImage


class ImageModel(Protocol):
    """A model of images."""

    @property
    def format(self) -> ImageFormat:
        """Of the pictures that it reads.

        Raises:
            ValueError: it reads none.
        """
        ...

    def score(self, picture: UInt8[np.ndarray, "3 height width"], title_id: TitleId) -> ScoredImage:
        """A picture that the catalogue does not have, as a candidate of a title.

        Raises:
            ValueError: there is no such title.
        """
        ...
