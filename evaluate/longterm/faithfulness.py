"""Whether a proxy moved as the goal did, over the cells of past experiments."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

LEAST = 5
"""Cells below which a correlation says nothing."""
GOOD = 0.7
"""Correlation of true effects from which a proxy is called faithful: it explains half of them."""


@dataclass(frozen=True)
class Faithfulness:
    """How a proxy's effects go with those of the goal, noise of both taken off.

    Attributes:
        cells: how many.
        correlation: of the true effects; NaN where noise is all that there is.
        low: lower end of its 95% interval: the wider of a bootstrap over cells, which says too
            little where they are few, and of Fisher's by their number, less noise.
        high: upper end.
        slope: of the goal's true effect for one of the proxy's.
        raw: correlation of the effects as they were measured.
        same_sign: share of cells, among those where both are shown, that agree in sign.
        shown: how many cells those are.
        verdict: faithful, unfaithful or cannot tell.
    """

    cells: int
    correlation: float
    low: float
    high: float
    slope: float
    raw: float
    same_sign: float
    shown: int
    verdict: str


def faithfulness(
    proxy: Float[np.ndarray, " cells"],
    proxy_error: Float[np.ndarray, " cells"],
    goal: Float[np.ndarray, " cells"],
    goal_error: Float[np.ndarray, " cells"],
    resamples: int = 2000,
    seed: int = 0,
) -> Faithfulness:
    """Compare effects of cells on a proxy with those on the goal.

    What is measured has noise, which draws correlations towards 0: its variance, known from the
    standard errors, is taken off. Noise that both share, since both are measured on the same
    members, is not known and stays: give the goal from other members or weeks where that can be.

    Args:
        proxy: effect of each cell over its control.
        proxy_error: standard errors.
        goal: effect on the long-term reward.
        goal_error: standard errors.
        resamples: bootstrap draws of cells.
        seed: of the draws.

    Raises:
        ValueError: there are too few cells.

    Source: Tripuraneni et al. (2023), "Choosing a Proxy Metric from Past Experiments"; ends of
    Fisher's interval over what noise leaves of a correlation: Hunter and Schmidt (2004), "Methods
    of Meta-Analysis", chapter 3.
    """
    if len(proxy) < LEAST:
        raise ValueError(f"{len(proxy)} cells say nothing of a proxy; give {LEAST} or more")
    columns = (proxy, proxy_error, goal, goal_error)
    correlation, slope = _true(*columns)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(proxy), (resamples, len(proxy)))
    drawn = np.array([_true(*(column[pick] for column in columns))[0] for pick in picks])
    drawn = drawn[np.isfinite(drawn)]
    few = len(drawn) < resamples / 2
    low, high = (np.nan, np.nan) if few else np.quantile(drawn, (0.025, 0.975))
    z = float(ndtri(0.975))
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = float(np.corrcoef(proxy, goal)[0, 1])
        apart = np.tanh(np.arctanh(raw) + np.array([-z, z]) / np.sqrt(len(proxy) - 3))
        by_count = np.clip(apart * np.abs(correlation / raw), -1, 1)
    low, high = np.minimum(low, by_count[0]), np.maximum(high, by_count[1])
    both = (np.abs(proxy) > z * proxy_error) & (np.abs(goal) > z * goal_error)
    agree = np.sign(proxy[both]) == np.sign(goal[both])
    return Faithfulness(
        len(proxy),
        correlation,
        float(low),
        float(high),
        slope,
        raw,
        float(agree.mean()) if both.any() else float("nan"),
        int(both.sum()),
        "faithful" if low >= GOOD else "unfaithful" if high < GOOD else "cannot tell",
    )


def _true(
    proxy: Float[np.ndarray, " cells"],
    proxy_error: Float[np.ndarray, " cells"],
    goal: Float[np.ndarray, " cells"],
    goal_error: Float[np.ndarray, " cells"],
) -> tuple[float, float]:
    """Correlation and slope of effects without their noise; NaN where none is left."""
    own = proxy.var(ddof=1) - (proxy_error**2).mean()
    its = goal.var(ddof=1) - (goal_error**2).mean()
    together = float(np.cov(proxy, goal)[0, 1])
    if own <= 0 or its <= 0:
        return float("nan"), float("nan")
    return float(np.clip(together / np.sqrt(own * its), -1, 1)), float(together / own)
