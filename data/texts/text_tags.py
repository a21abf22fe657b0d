"""Texts read as tags: what editors said of known texts, guessed of new ones from their words.

Tags of a text are numbers of the space in which other kinds are described, such as genres and
tones; a text that is read as tags can agree with a picture from its first day.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from data.texts.text_places import TextPlaces

RIDGES = tuple(10.0**power for power in range(-1, 5))
"""Strengths of shrinking that are tried, in texts."""


@dataclass(frozen=True)
class TextTags:
    """A linear reading of places.

    Attributes:
        places: of texts.
        mean: of the tags.
        weights: from the places to what tags are beyond it.
        known: of the texts that taught it, each read without itself: not by heart.
    """

    places: TextPlaces
    mean: Float[np.ndarray, " tags"]
    weights: Float[np.ndarray, "directions tags"]
    known: Float[np.ndarray, "texts tags"]

    @classmethod
    def of(
        cls, places: TextPlaces, texts: Sequence[str], tags: Float[np.ndarray, "texts tags"]
    ) -> "TextTags":
        """Ridge regression, each tag with the strength that reads texts left out best.

        A tag that no strength reads better than its mean is read as the mean.

        Args:
            places: of texts.
            texts: that have tags.
            tags: theirs.

        Raises:
            ValueError: there is no text.
        """
        if not len(texts):
            raise ValueError("no text has tags; tag a few, or use places without them")
        rows, mean = places(texts), tags.mean(0)
        # The mean is of all texts: left out by turns, it would lean against each text's own tag.
        apart = tags - mean
        weights = np.zeros((rows.shape[1], tags.shape[1]))
        known, least = np.zeros(tags.shape), np.square(apart).sum(0)
        for ridge in RIDGES:
            solved = np.linalg.solve(rows.T @ rows + ridge * np.eye(rows.shape[1]), rows.T)
            reach = np.einsum("ij,ji->i", rows, solved)[:, None]
            # What a text would be read as, had it not been there: exact for a ridge.
            without = apart - (apart - rows @ (solved @ apart)) / np.maximum(1 - reach, 1e-9)
            error = np.square(apart - without).sum(0)
            better = error < least
            least = np.where(better, error, least)
            weights[:, better] = (solved @ apart)[:, better]
            known[:, better] = without[:, better]
        return cls(places, mean, weights, mean + known)

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "texts tags"]:
        """Tags of any texts."""
        return self.mean + self.places(texts) @ self.weights
