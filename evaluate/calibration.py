"""Does a predicted take of .2 come true one time in five? Bins of a calibration curve."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm

from data.calibration_error import CalibrationGap, calibration_error, equal_bins

BINS = 10


@dataclass(frozen=True)
class CalibrationCurve:
    """Bins of equally many impressions, from the least to the most likely take.

    Attributes:
        predicted: mean prediction of each bin.
        actual: share of takes of each bin.
        low: lower end of the 95% Wilson interval of `actual`.
        high: its upper end.
        count: impressions of each bin.
        gap: the calibration error.
    """

    predicted: Float[np.ndarray, " bins"]
    actual: Float[np.ndarray, " bins"]
    low: Float[np.ndarray, " bins"]
    high: Float[np.ndarray, " bins"]
    count: Float[np.ndarray, " bins"]
    gap: CalibrationGap

    @classmethod
    def of(
        cls,
        predicted: Float[np.ndarray, " decisions"],
        reward: Float[np.ndarray, " decisions"],
        bins: int = BINS,
        profile: Int[np.ndarray, " decisions"] | None = None,
    ) -> "CalibrationCurve":
        """The curve of some predictions; its error is over profiles, where they are named.

        Source: Wilson (1927), "Probable inference", JASA 22.
        """
        parts = equal_bins(predicted, bins)
        count = np.array([len(part) for part in parts], float)
        actual = np.array([reward[part].mean() for part in parts])
        z = norm.ppf(0.975)
        middle = (actual + z**2 / (2 * count)) / (1 + z**2 / count)
        inside = np.maximum(actual * (1 - actual), 0) / count + z**2 / (4 * count**2)
        half = z * np.sqrt(inside) / (1 + z**2 / count)
        mean = np.array([predicted[part].mean() for part in parts])
        gap = calibration_error(predicted, reward, bins, profile)
        return cls(mean, actual, middle - half, middle + half, count, gap)
