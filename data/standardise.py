"""Numbers brought to mean 0 and deviation 1, by a sample of them.

`model/heads/standardise.py` does the same to tensors.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

LEAST_DEVIATION = 0.05
"""What is divided by at least: a number that hardly varies in the sample stays small.

One that does not vary at all becomes 0, whatever it is in other rows: the sample does not say what
it means.
"""


class Standard(NamedTuple):
    """What a sample says of each number."""

    mean: Float[np.ndarray, " numbers"]
    deviation: Float[np.ndarray, " numbers"]
    """Infinite where the sample is constant."""

    @classmethod
    def of(cls, sample: Float[np.ndarray, "rows numbers"]) -> "Standard":
        """Mean and deviation of a sample."""
        constant = sample.max(0) == sample.min(0)
        deviation = np.maximum(sample.std(0), LEAST_DEVIATION)
        return cls(sample.mean(0), np.where(constant, np.inf, deviation))

    def __call__(
        self, rows: Float[np.ndarray, "*rows numbers"]
    ) -> Float[np.ndarray, "*rows numbers"]:
        """Any rows, in these terms."""
        return (rows - self.mean) / self.deviation
