"""How far predicted probabilities lie from what happens, over bins of equally many decisions."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

BINS = 15


class CalibrationGap(NamedTuple):
    """Expected calibration error, free of what chance adds to it."""

    error: float
    """Root mean square of prediction less outcome over decisions, by bin; 0 where chance alone
    makes as much."""
    low: float
    """Lower end of its 95% interval."""
    high: float
    noise: float
    """What chance alone would make of the error of right predictions, were it not taken off."""

    @classmethod
    def of(
        cls,
        gap: Float[np.ndarray, " bins"],
        variance: Float[np.ndarray, " bins"],
        count: Float[np.ndarray, " bins"],
    ) -> "CalibrationGap":
        """From the mean gap of each bin, the variance of that mean, and how many are in the bin.

        Squares of gaps hold their own variance, which is taken off the sum, not bin by bin: cut at
        0 in each bin, right predictions would have .7 of the noise for an error. The interval is
        normal on the sum of squares.

        Source: Kumar, Liang and Ma (2019), "Verified Uncertainty Calibration", NeurIPS, section 4;
        Bröcker (2012), Climate Dynamics 39.
        """
        share = count / count.sum()
        square = float((share * (gap**2 - variance)).sum())
        true = np.maximum(gap**2 - variance, 0)
        spread = np.sqrt((share**2 * (4 * true * variance + 2 * variance**2)).sum())
        squares = np.array([square, square - 1.96 * spread, square + 1.96 * spread])
        error, low, high = np.sqrt(np.maximum(squares, 0)).tolist()
        return cls(error, low, high, float(np.sqrt((share * variance).sum())))


def equal_bins(
    predicted: Float[np.ndarray, " decisions"], bins: int
) -> list[Int[np.ndarray, " some"]]:
    """Rows of each bin, from the least likely to the most; no bin is empty."""
    order = np.argsort(predicted, kind="stable")
    return np.array_split(order, max(1, min(bins, len(order))))


def calibration_error(
    predicted: Float[np.ndarray, " decisions"],
    reward: Float[np.ndarray, " decisions"],
    bins: int = BINS,
    profile: Int[np.ndarray, " decisions"] | None = None,
) -> CalibrationGap:
    """Calibration error of predictions; of independent decisions if no profiles are named."""
    parts = equal_bins(predicted, bins)
    gap, variance = np.zeros(len(parts)), np.zeros(len(parts))
    for at, part in enumerate(parts):
        off = predicted[part] - reward[part]
        gap[at] = off.mean()
        pieces = off - gap[at]
        if profile is not None:
            pieces = np.bincount(np.unique(profile[part], return_inverse=True)[1], pieces)
        units = len(pieces)
        # Of one unit nothing is known but its gap, and that may all be chance.
        spread = (pieces**2).sum() * units / max(units - 1, 1) / len(part) ** 2
        variance[at] = spread if units > 1 else gap[at] ** 2
    return CalibrationGap.of(gap, variance, np.array([len(part) for part in parts], float))


def error_of_sums(
    predicted: Float[np.ndarray, " bins"],
    reward: Float[np.ndarray, " bins"],
    count: Float[np.ndarray, " bins"],
) -> CalibrationGap:
    """The same from sums by bin, of independent takes."""
    rate = np.clip(reward / count, 0, 1)
    variance = rate * (1 - rate) / np.maximum(count - 1, 1)
    return CalibrationGap.of((predicted - reward) / count, variance, count)
