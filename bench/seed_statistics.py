"""Means and ratios over seeds, each with its 95% interval by Student's t."""

from collections.abc import Sequence
from typing import Any

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


def mean_of(values: Sequence[float]) -> dict[str, Any]:
    """Mean, 95% interval and the values themselves."""
    x = np.asarray(values, float)
    half = t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / len(x) ** 0.5
    return {
        "mean": float(x.mean()),
        "interval": [float(x.mean() - half), float(x.mean() + half)],
        "by_seed": x.tolist(),
    }


def ratio_of(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """Geometric mean of the seeds' own ratios, its 95% interval, and the ratios."""
    logs = mean_of(np.log(np.asarray(above, float) / np.asarray(below, float)).tolist())
    return {
        "mean": float(np.exp(logs["mean"])),
        "interval": np.exp(logs["interval"]).tolist(),
        "by_seed": np.exp(logs["by_seed"]).tolist(),
    }


def said(found: dict[str, Any], digits: int = 3) -> str:
    """Mean and interval as text."""
    low, high = found["interval"]
    return f"{found['mean']:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
