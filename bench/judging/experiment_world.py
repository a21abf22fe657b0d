"""Simulated A/B tests with a known lift: who is in which cell, and what each saw and took."""

from typing import NamedTuple

import numpy as np

from evaluate.experiments.member_days import MemberDays

HALVES = {"control": 0.5, "treatment": 0.5}
ARRIVE_OVER = 14
"""Days over which members come in, where they do."""


class Trial(NamedTuple):
    """One experiment."""

    seed: int
    members: int  # in both cells
    days: int
    lift: float = 0.0
    use: str = "even"  # impressions of a member a day: even 5; light tails about 5; heavy
    arriving: bool = False
    lost: float = 0.0  # share of the treatment cell's members who are never seen
    base: float = 0.17
    spread: float = 0.06


def live_through(trial: Trial) -> MemberDays:
    """Takes and impressions by member and day, as `experiment` reads them from examples."""
    g = np.random.default_rng(trial.seed)
    size, base = trial.members, trial.base
    weight = base * (1 - base) / trial.spread**2 - 1
    taste = g.beta(base * weight, (1 - base) * weight, size)
    treated = g.random(size) < HALVES["treatment"]
    here = g.random(size) >= trial.lost * treated
    rate = np.clip(taste * (1 + trial.lift * treated), 0, 1)
    if trial.use == "heavy":
        busy = np.minimum(g.pareto(1.3, size) + 1, 400)
    else:
        busy = np.full(size, 5.0) if trial.use == "even" else g.gamma(2, 2.5, size)
    arrival = g.integers(0, ARRIVE_OVER, size) if trial.arriving else np.zeros(size)
    days = np.arange(trial.days)[:, None]
    seen = g.poisson(busy, (trial.days, size)) * (here & (arrival <= days))
    takes = g.binomial(seen, rate)
    day, member = np.nonzero(seen)
    dates = np.datetime_as_string(np.datetime64("2026-01-01") + np.arange(trial.days))
    return MemberDays(
        profile_id=np.array([f"m{i}" for i in range(size)], object)[member],
        cell=np.where(treated, "treatment", "control").astype(object)[member],
        day=dates.astype(object)[day],
        takes=takes[day, member].astype(float),
        impressions=seen[day, member].astype(float),
    )
