"""How far predicted probabilities lie from what happens, over bins of equally many decisions."""

import numpy as np
from jaxtyping import Float, Int


def equal_bins(
    predicted: Float[np.ndarray, " decisions"], bins: int
) -> list[Int[np.ndarray, " some"]]:
    """Rows of each bin, from the least likely to the most; no bin is empty."""
    order = np.argsort(predicted, kind="stable")
    return np.array_split(order, max(1, min(bins, len(order))))


def calibration_error(
    predicted: Float[np.ndarray, " decisions"],
    reward: Float[np.ndarray, " decisions"],
    bins: int = 15,
) -> float:
    """Expected calibration error: the mean distance of prediction and outcome over decisions."""
    parts = equal_bins(predicted, bins)
    gaps = [(predicted[part].mean() - reward[part].mean()) * len(part) for part in parts]
    return error_of_gaps(np.array(gaps), len(predicted))


def error_of_gaps(gaps: Float[np.ndarray, " bins"], decisions: float) -> float:
    """The same from each bin's sum of predictions less its sum of outcomes.

    Source: Naeini, Cooper and Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning", AAAI.
    """
    return float(np.abs(gaps).sum() / decisions)
