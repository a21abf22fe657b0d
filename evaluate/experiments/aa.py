"""`python -m evaluate aa`: experiments without a difference, looked at daily: how many cry wolf?"""

from dataclasses import dataclass

import numpy as np

from evaluate.experiments.sample_ratio import MISMATCH, sample_ratio_p
from evaluate.experiments.sequential import (
    always_valid_half_width,
    difference_variance,
    planned_tau,
)
from evaluate.experiments.take_difference import take_fraction_difference


@dataclass(frozen=True)
class FalsePositives:
    """Of simulated experiments: what share found a difference.

    Attributes:
        experiments: how many.
        looks: at each, one a day.
        found: share in which an always-valid interval excluded 0 at some look.
        found_by_naive_looks: share in which a fixed-horizon interval did.
        sample_ratio_alarms: share whose cell sizes looked mismatched.
    """

    experiments: int
    looks: int
    found: float
    found_by_naive_looks: float
    sample_ratio_alarms: float


def false_positives(
    experiments: int = 1000,
    members: int = 1000,
    days: int = 14,
    base: float = 0.1,
    lift: float = 0.0,
    alpha: float = 0.05,
    seed: int = 0,
) -> FalsePositives:
    """Share of simulated experiments that find a difference at any daily look.

    Members differ in taste (Beta about `base`) and in how much they see, and come back day after
    day. With `lift` above 0 it is the power instead.
    """
    generator = np.random.default_rng(seed)
    taste_spread = np.sqrt(base * (1 - base) / 21)
    planned = difference_variance(base, members // 2, days * 5, taste_spread, uneven=0.5**0.5)
    plan = planned_tau(planned, alpha)
    found = naive = mismatched = 0
    for _ in range(experiments):
        treated = generator.random(members) < 0.5
        taste = generator.beta(base * 20, (1 - base) * 20, members)
        rate = np.clip(taste * np.where(treated, 1 + lift, 1), 0, 1)
        busy = generator.gamma(2, 2.5, members)
        before_seen = generator.poisson(busy * 7)
        before = (generator.binomial(before_seen, taste) + 5 * base) / (before_seen + 5)
        takes, seen = np.zeros(members), np.zeros(members)
        any_found = any_naive = False
        sizes = []
        for _ in range(days):
            today = generator.poisson(busy)
            seen += today
            takes += generator.binomial(today, rate)
            here = seen > 0
            d = take_fraction_difference(takes[here], seen[here], treated[here], before[here])
            any_found |= abs(d.difference) > always_valid_half_width(d.variance, plan, alpha)
            any_naive |= abs(d.difference) > 1.96 * np.sqrt(d.variance)
            sizes.append({"a": int((here & treated).sum()), "b": int((here & ~treated).sum())})
        found += any_found
        naive += any_naive
        mismatched += sample_ratio_p(sizes, {"a": 0.5, "b": 0.5}) < MISMATCH
    return FalsePositives(
        experiments=experiments,
        looks=days,
        found=float(found / experiments),
        found_by_naive_looks=float(naive / experiments),
        sample_ratio_alarms=float(mismatched / experiments),
    )


def aa(
    experiments: int = 1000,
    members: int = 1000,
    days: int = 14,
    base: float = 0.1,
    lift: float = 0.0,
    seed: int = 0,
) -> FalsePositives:
    """Simulate experiments of two equal cells with a look every day, and count false positives.

    Args:
        experiments: how many.
        members: in both cells of each.
        days: of each, one look a day.
        base: take fraction.
        lift: relative lift of the treatment cell; above 0 the result is the power.
        seed: of the simulation.
    """
    return false_positives(experiments, members, days, base, lift, seed=seed)


def show(result: FalsePositives) -> None:
    """The shares, in words."""
    print(
        f"{result.found:.1%} of {result.experiments} experiments found a difference at some look"
        f" (fixed-horizon tests looked at daily: {result.found_by_naive_looks:.1%})"
    )
