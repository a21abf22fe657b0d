"""A few numbers of each text: the directions in which a catalogue's texts differ most.

Latent semantic analysis (Deerwester, Dumais, Furnas, Landauer and Harshman 1990): words that come
together in texts point the same way, so a text of words never rewarded is near texts that were.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from data.texts.interface import TextEncoder

MOST_TEXTS = 4000
"""Texts that directions are learnt of; more are taken evenly among them."""
AT_ONCE = 1000
"""Texts whose vectors, of thousands of numbers, lie in memory at a time."""
COMMON = 0.5
"""Share of texts beyond which a number of counts says nothing: words of all texts."""


@dataclass(frozen=True)
class TextPlaces:
    """An encoder, and the directions of its vectors that a catalogue uses.

    Attributes:
        encoder: of texts; its name is checked where places are stored.
        mean: of the catalogue's vectors.
        axes: directions, each scaled so that places have deviation 1 in the catalogue.
    """

    encoder: TextEncoder
    mean: Float[np.ndarray, " numbers"]
    axes: Float[np.ndarray, "numbers directions"]

    @classmethod
    def of(cls, encoder: TextEncoder, texts: Sequence[str], directions: int) -> "TextPlaces":
        """Learnt of a catalogue's texts, without any reward.

        Args:
            encoder: of texts.
            texts: of the catalogue; as many as there are.
            directions: numbers of a place; the last are 0 where texts differ in fewer.
        """
        step = -(-max(len(texts), 1) // MOST_TEXTS)
        rows = encoder.encode(list(texts)[::step]).astype(np.float64)
        axes = np.zeros((encoder.numbers, directions))
        if not len(rows):
            return cls(encoder, np.zeros(encoder.numbers), axes)
        mean = rows.mean(0)
        kept = (rows != 0).mean(0) <= COMMON if (rows == 0).mean() > COMMON else np.ones(1, bool)
        apart = (rows - mean) * kept
        _, sizes, across = np.linalg.svd(apart, full_matrices=False)
        found = min(directions, int((sizes > 1e-9 * max(sizes[0], 1e-300)).sum()))
        scale = np.sqrt(len(rows)) / np.where(sizes > 0, sizes, 1.0)
        axes[:, :found] = (across * scale[:, None])[:found].T * (kept[:, None] | (len(kept) == 1))
        return cls(encoder, mean, axes)

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "texts directions"]:
        """Places of any texts; a text of unknown words is at the middle."""
        found = np.empty((len(texts), self.axes.shape[1]))
        for begin in range(0, len(texts), AT_ONCE):
            some = slice(begin, begin + AT_ONCE)
            found[some] = (self.encoder.encode(texts[some]) - self.mean) @ self.axes
        return found
