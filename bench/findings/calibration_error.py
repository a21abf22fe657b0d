"""Expected calibration error of impressions, with an interval over profiles."""

from dataclasses import dataclass

import numpy as np

from bench.findings.impressions import BrowsedImpressions
from data.calibration_error import calibration_error
from evaluate.calibration import CalibrationCurve

BINS = 15
CHANCES = 20
"""Draws of outcomes by the true probabilities: what chance alone makes of the error."""


@dataclass(frozen=True)
class TooFew:
    """Fewer impressions than bins: no error can be told."""

    impressions: int


@dataclass(frozen=True)
class CalibrationError:
    """How far predicted takes are from what happened."""

    impressions: int
    profiles: int
    predicted: float
    """Mean of the predictions."""
    taken: float
    """Share of takes."""
    error: float
    interval: tuple[float, float]
    exact: float
    """The error against true probabilities in place of outcomes."""
    noise: float
    """What is left of chance: the mean error of the true probabilities on the same impressions."""
    bins: list[float]
    """Mean prediction of each bin."""
    gaps: list[float]
    """Prediction less truth of each."""


def error_of(
    shown: BrowsedImpressions, bins: int = BINS, seed: int = 0
) -> CalibrationError | TooFew:
    """Calibration error of impressions, free of chance, and its 95% interval over profiles."""
    count = len(shown.predicted)
    if count < bins:
        return TooFew(count)
    rng = np.random.default_rng([seed, CHANCES])  # a stream of its own
    gap = calibration_error(shown.predicted, shown.reward, bins, shown.profile)
    exact = CalibrationCurve.of(shown.predicted, shown.expected, bins)
    chances = rng.random((CHANCES, count)) < shown.expected
    noise = [calibration_error(shown.expected, taken, bins).error for taken in chances]
    return CalibrationError(
        impressions=count,
        profiles=len(np.unique(shown.profile)),
        predicted=float(shown.predicted.mean()),
        taken=float(shown.reward.mean()),
        error=gap.error,
        interval=(gap.low, gap.high),
        exact=exact.gap.error,
        noise=float(np.mean(noise)),
        bins=exact.predicted.tolist(),
        gaps=(exact.predicted - exact.actual).tolist(),
    )
