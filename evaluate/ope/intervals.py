"""95% intervals of estimates that are functions of sums."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy import special

from evaluate.ope.bootstrap import Bootstrap

CARRIED = 10.0
"""Groups that carry the influence, below which resamples are not studentised."""


def resampled_sums(
    sums: Float[np.ndarray, "groups terms"], bootstrap: Bootstrap
) -> Float[np.ndarray, "resamples terms"]:
    """Sums of the terms when the groups are drawn again with replacement.

    Decisions of one profile are not independent, so whole groups are drawn (Field and Welsh,
    2007, "Bootstrapping clustered data", JRSS-B). One product of draw counts and group sums does
    all terms of all estimators at once.
    """
    groups, resamples = len(sums), bootstrap.resamples
    generator = np.random.default_rng(bootstrap.seed)
    at_once = max(1, 2_000_000 // max(groups, 1))
    drawn = []
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        picks = generator.integers(0, groups, (rows, groups))
        picks += np.arange(rows)[:, None] * groups
        counts = np.bincount(picks.ravel(), minlength=rows * groups).reshape(rows, groups)
        drawn.append(counts.astype(np.float64) @ sums)
    return np.concatenate(drawn)


def influence(
    sums: Float[np.ndarray, "groups terms"], value: Callable[[np.ndarray], np.ndarray]
) -> Float[np.ndarray, " groups"]:
    """What each group moves the value by, to first order; they sum to 0.

    The gradient is taken by central differences of a smooth function of sums.
    """
    whole = sums.sum(0)
    steps = np.diag(1e-5 * np.maximum(np.abs(whole), 1e-9 * np.abs(whole).max() + 1e-300))
    # Of a value that is not known, or of weights that are next to nothing: NaN, or infinite.
    with np.errstate(invalid="ignore", over="ignore"):
        slopes = (value(whole + steps) - value(whole - steps)) / (2 * np.diag(steps))
        return sums @ slopes


def studentised_interval(
    value: float,
    values: Float[np.ndarray, " resamples"],
    own: Float[np.ndarray, " groups"],
    sums: Float[np.ndarray, " resamples"],
    squares: Float[np.ndarray, " resamples"],
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Bootstrap-t interval, which stays right where a few heavy weights make values skewed.

    Where fewer than `CARRIED` groups carry the influence, some resamples have next to no spread and
    their t is without bound: then it is Student's interval, with as many degrees of freedom.

    Args:
        value: the estimate.
        values: its bootstrap values.
        own: influence of each group.
        sums: influence summed in each resample.
        squares: squared influence summed in each resample.
        confidence: two-sided.

    Returns:
        Ends, NaN where no resample gave a value or there are fewer than two groups.

    Source: Efron and Tibshirani (1993), "An Introduction to the Bootstrap", section 12.5; Hall
    (1988), Annals of Statistics 16(3), for why it is second-order accurate; degrees of freedom
    after Satterthwaite (1946), Biometrics Bulletin 2(6).
    """
    groups = len(own)
    if groups < 2 or not np.isfinite(value):
        return np.nan, np.nan
    error = np.sqrt((own**2).sum() * groups / (groups - 1))
    if not error > 1e-12 * abs(value):
        return value, value
    spread = np.sqrt(np.maximum(squares - sums**2 / groups, 0) * groups / (groups - 1))
    parts = own / np.abs(own).max()
    carried = max((parts**2).sum() ** 2 / (parts**4).sum() - 1, 1.0)
    tail = (1 - confidence) / 2
    student = float(special.stdtrit(carried, tail))
    if carried < CARRIED:
        return value + student * error, value - student * error
    usable = np.isfinite(values) & (spread > 1e-9 * error)
    if usable.sum() < len(values) / 2:
        return np.nan, np.nan
    t = (values[usable] - value) / spread[usable]
    low, high = np.quantile(t, [(1 + confidence) / 2, (1 - confidence) / 2])
    # Resamples of some groups know no more than a t law with as many degrees of freedom, so the
    # normal tail of the many is widened to its tail.
    error *= student / special.ndtri(tail)
    return float(value - low * error), float(value - high * error)
