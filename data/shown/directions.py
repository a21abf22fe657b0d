"""The leading directions of features, which all that is read of a picture starts from."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from data.standardise import Standard

LEADING = 400
"""Directions kept, at most."""
SAMPLE = 20_000
"""Pictures that directions and read-outs are fitted on, at most: more teach them little."""
LEAST_SIZE = 1e-6
"""Root mean square below which there is nothing to see."""


class Directions(NamedTuple):
    """Scores on the principal directions of standardised features, of mean square 1 in all."""

    matrix: Float[np.ndarray, "features directions"]
    shift: Float[np.ndarray, " directions"]

    @classmethod
    def of(
        cls, features: Float[np.ndarray, "pictures features"], comparable: int = 0
    ) -> "Directions":
        """Of these pictures; directions in which they do not differ are left out.

        Args:
            features: of pictures.
            comparable: how many, the first, are on one scale as they are. The others are
                standardised; what hardly varies stays small, so that it is no direction.
        """
        if not len(features):
            return cls(np.zeros((features.shape[1], 0), np.float32), np.zeros(0, np.float32))
        mean, deviation = Standard.of(features)
        deviation[:comparable] = 1
        scaled = (features - mean) / deviation
        gram = scaled.T.astype(np.float64) @ scaled
        sizes, axes = np.linalg.eigh(gram)
        kept = np.argsort(sizes)[::-1][: min(LEADING, len(features) - 1)]
        kept = kept[sizes[kept] > LEAST_SIZE * max(sizes[-1], LEAST_SIZE)]
        axes = axes[:, kept]
        # Signs are eigh's own affair: the largest part of each direction is made positive.
        largest = np.abs(axes).argmax(0) if axes.size else np.zeros(0, np.int64)
        axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
        size = np.sqrt(sizes[kept].sum() / max(1, len(features) * len(kept)))
        matrix = axes / deviation[:, None] / max(size, LEAST_SIZE)
        return cls(matrix.astype(np.float32), -(mean @ matrix).astype(np.float32))

    def __call__(
        self, features: Float[np.ndarray, "pictures features"]
    ) -> Float[np.ndarray, "pictures directions"]:
        """Scores of any pictures; of any features, where there is no direction."""
        if not self.matrix.size:
            return np.zeros((len(features), 0), np.float32)
        return features.astype(np.float32, copy=False) @ self.matrix + self.shift
