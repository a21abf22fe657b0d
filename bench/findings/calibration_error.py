"""Expected calibration error of impressions, with an interval over profiles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.findings.impressions import BrowsedImpressions
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
    """The error that the true probabilities have on the same impressions."""
    bins: list[float]
    """Mean prediction of each bin."""
    gaps: list[float]
    """Prediction less truth of each."""


def error_of(
    shown: BrowsedImpressions, resamples: int = 1000, bins: int = BINS, seed: int = 0
) -> CalibrationError | TooFew:
    """Expected calibration error of impressions, and its 95% interval over profiles.

    The interval is 1.96 of the bootstrap's deviations to both sides: draws of profiles themselves
    lie too high, since their own chance adds to every gap.

    Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining Well Calibrated Probabilities".
    """
    count = len(shown.predicted)
    if count < bins:
        return TooFew(count)
    rng = np.random.default_rng(seed)
    drawn = _resampled(shown, bins, resamples, rng)
    error = CalibrationCurve.of(shown.predicted, shown.reward, bins).error
    half = 1.96 * float(drawn.std(ddof=1))
    exact = CalibrationCurve.of(shown.predicted, shown.expected, bins)
    chances = rng.random((CHANCES, count)) < shown.expected
    noise = [CalibrationCurve.of(shown.expected, taken, bins).error for taken in chances]
    return CalibrationError(
        impressions=count,
        profiles=len(np.unique(shown.profile)),
        predicted=float(shown.predicted.mean()),
        taken=float(shown.reward.mean()),
        error=error,
        interval=(max(0.0, error - half), error + half),
        exact=exact.error,
        noise=float(np.mean(noise)),
        bins=exact.predicted.tolist(),
        gaps=(exact.predicted - exact.actual).tolist(),
    )


def _resampled(
    shown: BrowsedImpressions, bins: int, resamples: int, rng: np.random.Generator
) -> Float[np.ndarray, " resamples"]:
    """The error of each draw of profiles, by the bins of all impressions."""
    count = len(shown.predicted)
    place = np.empty(count, int)
    order = np.argsort(shown.predicted, kind="stable")
    for at, part in enumerate(np.array_split(order, bins)):
        place[part] = at
    _, profile = np.unique(shown.profile, return_inverse=True)
    profiles = int(profile.max()) + 1
    cells = np.bincount(profile * bins + place, shown.predicted - shown.reward, profiles * bins)
    gaps = cells.reshape(profiles, bins)
    even = np.full(profiles, 1 / profiles)
    draws = (rng.multinomial(profiles, even) for _ in range(resamples))
    return np.array([np.abs(draw @ gaps).sum() / count for draw in draws])
