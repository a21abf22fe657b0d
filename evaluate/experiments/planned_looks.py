"""Looks that were planned: bounds that let a test with a planned end be looked at K times.

A test that will end on a known day pays less for early looks than one that may go on for ever:
of the error that is allowed, little is spent on early looks and almost all at the end.
"""

from functools import cache

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.optimize import root_scalar
from scipy.special import roots_legendre

LEAST_NEWS = 1e-4
"""Growth of information, as a share of all so far, below which a look is the one before again."""
FAR = 9.0
"""Standard deviations beyond which no bound is looked for."""


def planned_days(looks: int, days: int) -> list[int]:
    """Days (1 is the first) of some looks at even distances, the last on the last day."""
    return sorted({max(1, round(days * look / looks)) for look in range(1, looks + 1)})


def spent_alpha(elapsed: Float[np.ndarray, " looks"], alpha: float) -> Float[np.ndarray, " looks"]:
    """Share of experiments that may have found a false difference by each look, both sides.

    Args:
        elapsed: share of the planned days; not of information, which comes early where members
            differ much, and of which nobody knows beforehand how much there will be.
        alpha: by the end.

    Source: Lan and DeMets (1983), "Discrete Sequential Boundaries for Clinical Trials", Biometrika
    70(3), the function that follows O'Brien and Fleming (1979); by days: Lan and DeMets (1989),
    "Group Sequential Procedures: Calendar versus Information Time", Statistics in Medicine 8(10).
    """
    at = np.clip(elapsed, 1e-6, 1.0)
    return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(at))


def few_members_bound(bound: float, freedom: float) -> float:
    """The bound where the variance comes from so few degrees of freedom: of Student's t law."""
    if bound >= FAR:  # beyond what tails can be told apart
        return float("inf")
    return float(stats.t.isf(stats.norm.sf(bound), freedom))


def planned_bounds(
    information: Float[np.ndarray, " looks"], spent: Float[np.ndarray, " looks"]
) -> Float[np.ndarray, " looks"]:
    """Standard errors by which the difference must be off at each look.

    Infinite where a look brings no news or nothing is left to spend.

    Args:
        information: at each look, in any unit: 1 / variance.
        spent: alpha by each look, growing.

    Source: Armitage, McPherson and Rowe (1969), JRSS A 132(2); Jennison and Turnbull (2000), "Group
    Sequential Methods", chapter 19.
    """
    bounds = np.full(len(information), np.inf)
    walk = Walk()
    before = 0.0
    for look, (at, allowed) in enumerate(zip(information.tolist(), spent.tolist(), strict=True)):
        today = allowed - before
        if at <= walk.information * (1 + LEAST_NEWS) or today <= 1e-15:
            continue
        bounds[look] = walk.bound(at, today)
        walk.go_on(at, bounds[look])
        before = allowed
    return bounds


class Walk:
    """The law of the score of a test that has not stopped yet, when nothing differs.

    The score at information I is the estimate times I: normal steps of variance ΔI, cut off where
    a bound was crossed.
    """

    def __init__(self) -> None:
        """At no information: the score is 0."""
        self.information = 0.0
        self.nodes = np.zeros(1)
        self.mass = np.ones(1)

    def crossing(self, information: float, bound: float) -> float:
        """Chance to go on until now and to be beyond `bound` standard errors at the next look."""
        step = np.sqrt(information - self.information)
        edge = bound * np.sqrt(information)
        up = stats.norm.sf((edge - self.nodes) / step)
        down = stats.norm.cdf((-edge - self.nodes) / step)
        return float((self.mass * (up + down)).sum())

    def bound(self, information: float, alpha: float) -> float:
        """Standard errors that are crossed with chance `alpha` at the next look."""

        def excess(bound: float) -> float:
            return self.crossing(information, bound) - alpha

        if excess(0.0) <= 0:
            return 0.0
        return (
            FAR
            if excess(FAR) > 0
            else float(root_scalar(excess, bracket=(0.0, FAR), xtol=1e-6).root)
        )

    def go_on(self, information: float, bound: float) -> None:
        """Take the next look, and leave out what crossed."""
        step = np.sqrt(information - self.information)
        edge = min(bound, FAR) * np.sqrt(information)
        # As many points as the narrowest bell needs to be summed up well.
        points, weights = _points(int(np.clip(np.ceil(edge / step / 15), 1, 16)))
        nodes = points * edge
        density = stats.norm.pdf((nodes[:, None] - self.nodes) / step) @ self.mass / step
        self.nodes, self.mass = nodes, density * weights * edge
        self.information = information


@cache
def _points(sixties: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights that sum up a function over [-1, 1]."""
    points, weights = roots_legendre(60 * sixties)
    return points, weights
