"""Means and ratios over seeds, each with its 95% interval by Student's t."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from data.errors import BadInput


def seeds_of(text: str, least: int = 2) -> list[int]:
    """Seeds as a command line gives them, separated by commas.

    Raises:
        BadInput: they are no whole numbers, come twice, or are too few for an interval.
    """
    try:
        seeds = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise BadInput(f"--seeds {text}: whole numbers separated by commas are needed") from None
    if min(seeds, default=0) < 0:
        raise BadInput(f"--seeds {text}: they cannot be negative")
    if len(set(seeds)) < len(seeds) or len(seeds) < least:
        raise BadInput(f"--seeds {text}: give at least {least} different ones, for an interval")
    return seeds


@dataclass(frozen=True)
class SeedMean:
    """A mean over seeds."""

    mean: float
    interval: list[float]
    """Of 95%."""
    by_seed: list[float]

    def text(self, digits: int = 3) -> str:
        """Mean and interval, for people."""
        low, high = self.interval
        return f"{self.mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def mean_of(values: Sequence[float]) -> SeedMean:
    """Arithmetic mean."""
    x = np.asarray(values, float)
    half = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5
    return SeedMean(float(x.mean()), [float(x.mean() - half), float(x.mean() + half)], x.tolist())


def ratio_of(above: Sequence[float], below: Sequence[float]) -> SeedMean:
    """Geometric mean of the seeds' own ratios."""
    logs = mean_of(np.log(np.asarray(above, float) / np.asarray(below, float)).tolist())
    return SeedMean(
        float(np.exp(logs.mean)), np.exp(logs.interval).tolist(), np.exp(logs.by_seed).tolist()
    )
