"""Confidence sequences: intervals that hold at every look at once, so looking early is safe."""

import numpy as np


def always_valid_half_width(variance: float, tau: float, alpha: float) -> float:
    """Half width of the always-valid interval around an estimate with the given variance.

    The estimate follows a normal law around the truth and the alternative is mixed over
    N(0, tau²), which makes the likelihood ratio a martingale under the null: with probability
    1 − alpha the truth is inside at all looks.

    Args:
        variance: of the estimate at a look.
        tau: spread of the differences that the test is made for, in the metric's units.
        alpha: share of experiments allowed to exclude the truth at any look.

    Source: Johari, Koomen, Pekelis and Walsh (2017), "Peeking at A/B Tests", KDD, equation 8;
    Robbins (1970), Annals of Mathematical Statistics 41(5).
    """
    total = variance + tau**2
    return float(np.sqrt(variance * total / tau**2 * np.log(total / (variance * alpha**2))))


def always_valid_p(estimate: float, variance: float, tau: float) -> float:
    """p-value at a look; its minimum over looks is a p-value too."""
    total = variance + tau**2
    log_ratio = 0.5 * np.log(variance / total) + estimate**2 * tau**2 / (2 * variance * total)
    return float(np.exp(-max(log_ratio, 0)))


def planned_tau(variance: float, alpha: float) -> float:
    """The tau whose interval is narrowest where the estimate has the planned variance.

    There it is 3.04 standard errors wide on each side (alpha .05), and 3.1 to 3.3 at a quarter or
    four times of that variance: tau belongs to the precision that is planned, not to the lift.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit
    theory and asymptotic confidence sequences", Annals of Statistics 52(6), equation 24.
    """
    return float(np.sqrt(variance * _tau_squared_of_one(alpha)))


def half_width_at_plan(alpha: float) -> float:
    """Half width in standard errors, where the estimate has the planned variance."""
    return always_valid_half_width(1.0, planned_tau(1.0, alpha), alpha)


def _tau_squared_of_one(alpha: float) -> float:
    log = -2 * np.log(alpha)
    return float(log + np.log(log + 1))


def difference_variance(
    base: float,
    members: int,
    impressions: float,
    spread: float,
    explained: float = 0.0,
    uneven: float = 0.0,
) -> float:
    """Variance of the difference of two cells' take fractions.

    Args:
        base: take fraction.
        members: in each cell.
        impressions: a member.
        spread: standard deviation of members' own take fractions about `base`.
        explained: share of members' variance that the pre-period explains.
        uneven: standard deviation of members' impressions over their mean.

    Source: Deng, Knoblich and Lu (2018), "Applying the Delta Method in Metric Analytics", KDD.
    """
    each = (base * (1 - base) - spread**2) / impressions + spread**2 * (1 + uneven**2)
    return 2 * each * (1 - explained) / members
