"""The effect of change among days that are alike: of the same profile and title."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

SWEEPS = 200
"""Most times that means are taken out in turn."""


@dataclass(frozen=True)
class ChangeEffect:
    """Take on days of a changed artwork, less that on days of the same one."""

    difference: float
    low: float
    high: float
    """Of the 95% interval; profiles are drawn, not days."""


def effect_within(
    values: Float[np.ndarray, " days"],
    changed: Bool[np.ndarray, " days"],
    profile: Int[np.ndarray, " days"],
    groups: Sequence[Int[np.ndarray, " days"]] = (),
) -> ChangeEffect | None:
    """Difference that change makes beside an effect of each group, with an interval.

    Who sees changes, of which titles and when, is no chance: members with more interest may see
    more of them, and later exposures are taken less. Effects of a profile's interest in a title and
    of the number of exposure take that out.

    Args:
        values: of each day.
        changed: whether the artwork had.
        profile: the independent units.
        groups: by each way in which days belong together; none: the plain difference of means.

    Returns:
        None where no day is left with which one could compare.

    Source: Frisch and Waugh (1933), Econometrica 1(4); means in turn: Guimarães and Portugal
    (2010), Stata Journal 10(4); the interval: Liang and Zeger (1986), Biometrika 73(1).
    """
    apart = _within(changed.astype(float), groups)
    square = float((apart**2).sum())
    if square < 1e-6 * max(1, len(changed)):
        return None
    effect = float((apart * values).sum()) / square
    rest = _within(values, groups) - effect * apart
    pieces = np.bincount(profile, apart * rest) / square
    profiles = len(np.unique(profile))
    spread = 1.96 * float(np.sqrt((pieces**2).sum() * profiles / max(1, profiles - 1)))
    return ChangeEffect(effect, effect - spread, effect + spread)


def _within(
    values: Float[np.ndarray, " days"], groups: Sequence[Int[np.ndarray, " days"]]
) -> Float[np.ndarray, " days"]:
    """What no sum of effects of the groups explains."""
    counts = [np.maximum(np.bincount(group), 1) for group in groups]
    rest = values - values.mean() if len(values) else values
    for _ in range(SWEEPS):
        before = rest
        for group, count in zip(groups, counts, strict=True):
            rest = rest - (np.bincount(group, rest) / count)[group]
        if len(rest) == 0 or abs(rest - before).max() < 1e-7:
            break
    return rest
