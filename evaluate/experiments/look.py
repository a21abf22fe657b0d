"""Looks at one treatment cell against control: every day, and on the days that were planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evaluate.experiments.member_days import MemberDays
from evaluate.experiments.planned_looks import (
    few_members_bound,
    planned_bounds,
    planned_days,
    spent_alpha,
)
from evaluate.experiments.sequential import (
    always_valid_half_width,
    always_valid_p,
    planned_tau,
)
from evaluate.experiments.take_difference import LEAST_TAKES, take_fraction_difference

LEAST_MEMBERS = 30
"""Members in each cell below which no normal law holds, and no look is made."""


@dataclass(frozen=True)
class Look:
    """What a look at the end of one day says of one treatment cell.

    Attributes:
        day: of the look.
        members: in both cells together.
        control: take fraction of the control cell.
        treatment: take fraction of the treatment cell.
        lift: relative difference.
        difference: absolute.
        error: standard error of the difference.
        freedom: degrees of freedom of that error.
        low: lower end of the always-valid interval of the difference.
        high: its upper end.
        p: always-valid p-value up to this look.
        explained: share of variance that the pre-period took away.
        capped: members who own so many impressions that they count by fewer.
    """

    day: str
    members: int
    control: float
    treatment: float
    lift: float
    difference: float
    error: float
    freedom: float
    low: float
    high: float
    p: float
    explained: float
    capped: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval says that there is a difference."""
        return bool(self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class PlannedLook:
    """One of the looks that a test with a planned end may stop at.

    Attributes:
        number: of this look, from 1.
        day: of the look.
        bound: standard errors by which the difference must be off; infinite if nothing is to be
            decided yet.
        low: lower end of the interval, which holds at all planned looks at once.
        high: its upper end.
    """

    number: int
    day: str
    bound: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the test may stop here: there is a difference."""
        return bool(self.low > 0 or self.high < 0)


class ExperimentPlan(NamedTuple):
    """What was settled before the first look."""

    alpha: float = 0.05
    """Share of experiments allowed to exclude the truth at any look."""
    tau: float | None = None
    """From the planned precision; None: from that of the first look."""
    looks: int = 0
    """At even distances until the planned end; 0: it may go on for ever."""
    days: int = 0
    """Until the planned end."""


class Comparison(NamedTuple):
    """Two cells, and how they are compared."""

    control: str
    treatment: str
    first: date | None
    """First day of the experiment; earlier rows are the pre-period."""
    plan: ExperimentPlan


class MemberSums(NamedTuple):
    """What members of two cells saw and took by the end of a day; those who saw nothing are out."""

    day: date
    takes: Float[np.ndarray, " members"]
    impressions: Float[np.ndarray, " members"]
    treated: Bool[np.ndarray, " members"]
    before: Float[np.ndarray, " members"] | None
    """Take fraction before the experiment; None: nothing is known of it."""


class CellLooks(NamedTuple):
    """All looks at one treatment cell."""

    tau: float
    daily: list[Look]
    planned: list[PlannedLook]
    too_small: int
    """Days without a look, as a cell had too few members, or too few takes due."""


def all_looks(
    rows: MemberDays, members: Mapping[str, str | None], comparison: Comparison
) -> CellLooks:
    """One look a day, each on all that was seen up to it; and those that were planned.

    Args:
        rows: of the whole experiment.
        members: cell of each member, None for those who are left out.
        comparison: which cells, and how they are compared.
    """
    plan = comparison.plan
    tau, p, too_small = plan.tau, 1.0, 0
    looks: list[Look] = []
    sums = _daily_sums(rows, members, comparison)
    for day, takes, impressions, treated, before in sums:
        if min(treated.sum(), (~treated).sum()) < LEAST_MEMBERS:
            too_small += 1
            continue
        d = take_fraction_difference(takes, impressions, treated, before)
        if d.due < LEAST_TAKES or not d.variance > 0:
            too_small += 1
            continue
        # Near its best from a quarter to four times the planned variance, and so for long.
        tau = tau or planned_tau(d.variance / 4, plan.alpha)
        half = always_valid_half_width(d.variance, tau, plan.alpha)
        p = min(p, always_valid_p(d.difference, d.variance, tau))
        looks.append(
            Look(
                day=str(day),
                members=len(takes),
                control=d.control,
                treatment=d.treatment,
                lift=d.difference / d.control if d.control else float("nan"),
                difference=d.difference,
                error=float(np.sqrt(d.variance)),
                freedom=d.freedom,
                low=d.difference - half,
                high=d.difference + half,
                p=p,
                explained=d.explained,
                capped=d.capped,
            )
        )
    planned = []
    if plan.looks:
        planned = _planned(looks, plan, sums[0].day, sums[-1].day)
    return CellLooks(tau or float("nan"), looks, planned, too_small)


def _daily_sums(
    rows: MemberDays, members: Mapping[str, str | None], comparison: Comparison
) -> list[MemberSums]:
    """Sums of both cells' members, day after day."""
    control, cell, first, _ = comparison
    index = {m: i for i, m in enumerate(m for m, c in members.items() if c in (control, cell))}
    treated = np.array([members.get(m) == cell for m in index])
    at = np.array([index.get(m, -1) for m in rows.profile_id])
    days = rows.day.astype("datetime64[D]")
    inside = at >= 0
    pre = inside & (days < np.datetime64(first)) if first else np.zeros_like(inside)
    size = len(index)
    before = _pre_period(rows, at, pre, size) if pre.any() else None
    takes, impressions = np.zeros(size), np.zeros(size)
    found = []
    for day in np.unique(days[inside & ~pre]):
        today = inside & ~pre & (days == day)
        takes += np.bincount(at[today], rows.takes[today], size)
        impressions += np.bincount(at[today], rows.impressions[today], size)
        seen = impressions > 0
        known = None if before is None else before[seen]
        found.append(MemberSums(day.item(), takes[seen], impressions[seen], treated[seen], known))
    return found


def _planned(
    looks: Sequence[Look], plan: ExperimentPlan, first: date, last: date
) -> list[PlannedLook]:
    """Looks on the planned days that have passed, with what may be spent at each."""
    made: list[tuple[int, str, Look]] = []
    days = planned_days(plan.looks, plan.days)
    for number, after in enumerate(days, 1):
        day = first + timedelta(days=after - 1)
        known = [look for look in looks if look.day <= str(day)]
        if day <= last and known:
            made.append((number, str(day), known[-1]))
    elapsed = np.array([days[number - 1] / plan.days for number, _, _ in made])
    information = np.array([look.error**-2 for _, _, look in made])
    bounds = planned_bounds(information, spent_alpha(elapsed, plan.alpha))
    found = []
    for (number, day, look), bound in zip(made, bounds.tolist(), strict=True):
        half = few_members_bound(bound, look.freedom) * look.error
        low, high = look.difference - half, look.difference + half
        found.append(PlannedLook(number, day, bound, low, high))
    return found


def _pre_period(
    rows: MemberDays, at: Int[np.ndarray, " rows"], pre: Bool[np.ndarray, " rows"], size: int
) -> Float[np.ndarray, " members"]:
    """Take fraction of each member before the experiment, shrunken to that of all."""
    seen = np.bincount(at[pre], rows.impressions[pre], size)
    taken = np.bincount(at[pre], rows.takes[pre], size)
    overall = taken.sum() / seen.sum()
    return (taken + 5 * overall) / (seen + 5)  # few impressions say little of a member
