"""Folders `progressive`: beliefs of new items' sums of traces, on each day of observation."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Int, Shaped

from bench.golden.folder import PROBLEM, Arrays, asked_of, needed
from evaluate.longterm.progressive import (
    Noise,
    delayed_belief,
    first_day_belief,
    oracle_belief,
    progressive_belief,
    seen_days,
)
from evaluate.longterm.trace_prior import TracePrior, learn_prior

DAYS = (0, 1, 3, 7, 14, 28, 50)
"""Of observation, where neither the problem nor `expected.json` names them."""
Belief = Callable[[TracePrior, np.ndarray, np.ndarray, int, Noise], tuple[float, float]]


def _progressive(
    prior: TracePrior,
    traces: Shaped[np.ndarray, "members days"],
    start_day: Int[np.ndarray, " members"],
    day: int,
    noise: Noise,
) -> tuple[float, float]:
    return progressive_belief(prior, traces, seen_days(start_day, day, prior.days), noise).total


BELIEFS: dict[str, Belief] = {
    "progressive": _progressive,
    "delayed": delayed_belief,
    "day_two": first_day_belief,
    "oracle": oracle_belief,
}


def trace_beliefs(folder: Path, arrays: Arrays) -> dict[str, object]:
    """Parallel lists, an entry each item and day: counts of users, then means and variances."""
    source = folder / PROBLEM
    prior = _prior(arrays, source)
    item = needed(arrays, "item", source)
    start = needed(arrays, "start_day", source).astype(np.int64)
    traces = needed(arrays, "trace", source)[:, : prior.days].astype(np.float64)
    items, days = _asked(folder, arrays, item)
    values: dict[str, list] = defaultdict(list)
    for each, day in zip(items, days, strict=True):
        own = item == each
        values["item"].append(each)
        values["day"].append(day)
        values["users"].append(int(own.sum()))
        values["users_observed_first_day"].append(int((start[own] < day).sum()))
        for name, belief in BELIEFS.items():
            for noise in get_args(Noise):
                mean, variance = belief(prior, traces[own], start[own], day, noise)
                values[f"{name}_{noise}_mean"].append(mean)
                values[f"{name}_{noise}_variance"].append(variance)
    return {"window": prior.days, **values}


def _prior(arrays: Arrays, source: Path) -> TracePrior:
    """The problem's own, or what its older items teach."""
    names = ("prior_mean", "prior_covariance", "noise_covariance")
    if all(name in arrays for name in names):
        return TracePrior(*(arrays[name] for name in names))
    bits = needed(arrays, "older_trace_bits", source)
    days = int(arrays["window"]) if "window" in arrays else arrays["trace"].shape[1]
    older = np.unpackbits(bits, axis=1)[:, :days]
    return learn_prior(needed(arrays, "older_item", source), older)


def _asked(
    folder: Path, arrays: Arrays, item: Int[np.ndarray, " members"]
) -> tuple[list[int], list[int]]:
    """Items and days of the entries, in their order."""
    asked = asked_of(folder)
    items, days = asked.get("item"), asked.get("day")
    if isinstance(items, list) and isinstance(days, list):
        return items, days
    count = int(arrays["items"]) if "items" in arrays else int(item.max(initial=-1)) + 1
    named = arrays.get("observation_days", asked.get("observation_days", DAYS))
    each = [int(day) for day in np.asarray(named)]
    return [at for at in range(count) for _ in each], each * count
