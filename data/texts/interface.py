"""What an encoder of texts is, whichever it is."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float


class TextEncoder(Protocol):
    """Texts to vectors; the same text has the same vector on every machine."""

    @property
    def name(self) -> str:
        """What it is, with its version: vectors of two names are not to be mixed."""
        ...

    @property
    def numbers(self) -> int:
        """Of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Float[np.ndarray, "texts numbers"]:
        """A vector for each text, of length one; 0 for a text that says nothing."""
        ...
