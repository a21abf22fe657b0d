"""What is believed of an artwork's long-term reward while its first traces are still growing.

The progressive belief conditions on every day that was seen. Beside it are the beliefs that use one
number a member: its whole trace once that is complete, or its first day alone.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy import linalg

from evaluate.longterm.trace_prior import TracePrior

Noise = Literal["fixed", "regularized"]
"""The prior's noise as it is, or drawn to what the artwork's own members differ by."""


class TraceBelief(NamedTuple):
    """A normal law of an artwork's mean trace."""

    mean: Float[np.ndarray, " days"]
    covariance: Float[np.ndarray, "days days"]

    @property
    def total(self) -> tuple[float, float]:
        """Mean and variance of the sum over all days: the long-term reward of a take."""
        return self.total_after(0)

    def total_after(self, first: int) -> tuple[float, float]:
        """The same without the first numbers of a trace, which tell of the rest and are no part.

        Such are early and late ends on the day itself. They are seen at once, and where they tell
        of the weeks that follow, the prior's covariance says so.
        """
        return float(self.mean[first:].sum()), float(self.covariance[first:, first:].sum())


def seen_days(
    start_day: Int[np.ndarray, " members"], day: int, days: int
) -> Bool[np.ndarray, "members days"]:
    """Which days of each member's trace are seen at a day: day j if j < day − start."""
    return np.arange(days) < (day - start_day)[:, None]


def progressive_belief(
    prior: TracePrior,
    traces: Shaped[np.ndarray, "members days"],
    seen: Bool[np.ndarray, "members days"],
    noise: Noise = "fixed",
) -> TraceBelief:
    """The belief after the days that were seen, of however many members each.

    With n_j members seen on day j, ȳ their mean and N the noise, the mean's noise is
    N_ij / max(n_i, n_j), for those seen later are among those seen earlier. `regularized` draws it
    to the scatter of the members themselves, in which a day not yet seen counts as 0, as in the
    source. Days from the first that nobody has reached are foreseen by the prior's covariance.

    Args:
        prior: of older artworks.
        traces: what each member did on each day; what is not seen is not read.
        seen: which days of each are known.
        noise: how much the members' mean is believed.

    Source: McDonald et al. (2023), as `learn_prior`; Zhang et al. (2025), "Optimizing
    Recommendations for the Long Term without Delay", for what it gained.
    """
    count = seen.sum(0)
    known = int(np.argmin(count > 0)) if not (count > 0).all() else len(count)
    n = count[:known].astype(np.float64)
    values = np.where(seen, traces, 0.0)[:, :known]
    mean = values.sum(0) / n
    if noise == "fixed" or not known:
        return belief_of_means(prior, n, mean)
    apart = values - mean
    most, least = np.maximum(n[:, None], n), np.minimum(n[:, None], n)
    spread = (apart.T @ apart + prior.noise[:known, :known]) / ((least + 1) * most)
    return _conditioned(prior, mean, spread)


def belief_of_means(
    prior: TracePrior, count: Float[np.ndarray, " known"], mean: Float[np.ndarray, " known"]
) -> TraceBelief:
    """The same from what is known of each day, with the prior's noise as it is.

    Args:
        prior: of older artworks.
        count: members seen on each day, up to the last that somebody was seen on; none is 0.
        mean: of what they did on it.
    """
    if not len(count):
        return TraceBelief(prior.mean.copy(), prior.covariance.copy())
    known = len(count)
    spread = prior.noise[:known, :known] / np.maximum(count[:, None], count)
    return _conditioned(prior, mean, spread)


def _conditioned(
    prior: TracePrior,
    mean: Float[np.ndarray, " known"],
    spread: Float[np.ndarray, "known known"],
) -> TraceBelief:
    known = len(mean)
    gain = _solved(prior.covariance[:known, :known] + spread, prior.covariance[:known])
    return TraceBelief(
        prior.mean + gain.T @ (mean - prior.mean[:known]),
        prior.covariance - prior.covariance[:, :known] @ gain,
    )


def belief_of_one_number(
    prior: tuple[float, float],
    noise_variance: float,
    values: Float[np.ndarray, " members"],
    noise: Noise = "fixed",
) -> tuple[float, float]:
    """Mean and variance of a normal belief after one number a member.

    Args:
        prior: mean and variance.
        noise_variance: of one member's number.
        values: the numbers that are known.
        noise: how much their mean is believed.
    """
    count = len(values)
    if not count:
        return prior
    spread = noise_variance / count
    if noise == "regularized":
        spread = (float(np.var(values)) + spread) / (count + 1)
    return belief_of_one_mean(prior, spread, float(np.mean(values)))


def belief_of_one_mean(
    prior: tuple[float, float], spread: float, found: float
) -> tuple[float, float]:
    """Mean and variance of a normal belief after a mean was found.

    Args:
        prior: mean and variance.
        spread: variance of what was found around the truth.
        found: the mean.
    """
    mean, variance = prior
    after = 1 / (1 / variance + 1 / spread)
    return after * (mean / variance + found / spread), after


def delayed_belief(
    prior: TracePrior,
    traces: Shaped[np.ndarray, "members days"],
    start_day: Int[np.ndarray, " members"],
    day: int,
    noise: Noise = "fixed",
) -> tuple[float, float]:
    """Belief of the sum of a trace from members whose whole trace is known at a day: by waiting."""
    whole = start_day + prior.days < day
    return _of_sums(prior, traces[whole], noise)


def oracle_belief(
    prior: TracePrior,
    traces: Shaped[np.ndarray, "members days"],
    start_day: Int[np.ndarray, " members"],
    day: int,
    noise: Noise = "fixed",
) -> tuple[float, float]:
    """The same as if a member's whole trace were known at once: what no learner can do."""
    return _of_sums(prior, traces[start_day < day], noise)


def first_day_belief(
    prior: TracePrior,
    traces: Shaped[np.ndarray, "members days"],
    start_day: Int[np.ndarray, " members"],
    day: int,
    noise: Noise = "fixed",
) -> tuple[float, float]:
    """Belief of the first day of a trace, from first days: an early proxy."""
    values = traces[start_day < day][:, 0].astype(np.float64)
    of_first = float(prior.mean[0]), float(prior.covariance[0, 0])
    return belief_of_one_number(of_first, float(prior.noise[0, 0]), values, noise)


def _of_sums(
    prior: TracePrior, traces: Shaped[np.ndarray, "members days"], noise: Noise
) -> tuple[float, float]:
    of_sum = float(prior.mean.sum()), float(prior.covariance.sum())
    sums = traces.sum(1).astype(np.float64)
    return belief_of_one_number(of_sum, float(prior.noise.sum()), sums, noise)


def _solved(
    matrix: Float[np.ndarray, "known known"], right: Float[np.ndarray, "known days"]
) -> Float[np.ndarray, "known days"]:
    """matrix⁻¹ · right, of a covariance; regularised noise may leave it short of positive."""
    try:
        return linalg.cho_solve(linalg.cho_factor(matrix), right)
    except linalg.LinAlgError:
        return linalg.solve(matrix, right, assume_a="sym")
