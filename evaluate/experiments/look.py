"""Daily looks at one treatment cell against control, each safe to act upon."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evaluate.experiments.member_days import MemberDays
from evaluate.experiments.sequential import always_valid_half_width, always_valid_p
from evaluate.experiments.take_difference import take_fraction_difference


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
        low: lower end of the always-valid interval of the difference.
        high: its upper end.
        p: always-valid p-value up to this look.
        explained: share of variance that the pre-period took away.
    """

    day: str
    members: int
    control: float
    treatment: float
    lift: float
    difference: float
    low: float
    high: float
    p: float
    explained: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval says that there is a difference."""
        return bool(self.low > 0 or self.high < 0)


class Comparison(NamedTuple):
    """Two cells, and how they are compared."""

    control: str
    treatment: str
    first: date | None
    """First day of the experiment; earlier rows are the pre-period."""
    effect: float
    """Relative lift that the test should be most eager for."""
    alpha: float
    """Share of experiments allowed to exclude the truth at any look."""


def daily_looks(
    rows: MemberDays, members: Mapping[str, str | None], comparison: Comparison
) -> list[Look]:
    """One look a day, each on all that was seen up to it.

    Args:
        rows: of the whole experiment.
        members: cell of each member, None for those who are left out.
        comparison: which cells, and how they are compared.
    """
    control, cell = comparison.control, comparison.treatment
    index = {m: i for i, m in enumerate(m for m, c in members.items() if c in (control, cell))}
    treated = np.array([members.get(m) == cell for m in index])
    at = np.array([index.get(m, -1) for m in rows.profile_id])
    days = rows.day.astype("datetime64[D]")
    inside = at >= 0
    first = comparison.first
    pre = inside & (days < np.datetime64(first)) if first else np.zeros_like(inside)
    size = len(index)
    before = _pre_period(rows, at, pre, size) if pre.any() else None
    takes, impressions = np.zeros(size), np.zeros(size)
    looks, p = [], 1.0
    for day in np.unique(days[inside & ~pre]):
        today = inside & ~pre & (days == day)
        takes += np.bincount(at[today], rows.takes[today], size)
        impressions += np.bincount(at[today], rows.impressions[today], size)
        active = impressions > 0
        if min((active & treated).sum(), (active & ~treated).sum()) < 2:
            continue
        d = take_fraction_difference(
            takes[active],
            impressions[active],
            treated[active],
            None if before is None else before[active],
        )
        if not d.variance > 0:
            continue
        scale = max(comparison.effect * d.control, 1e-12)
        variance = d.variance
        half = always_valid_half_width(variance, scale, comparison.alpha)
        p = min(p, always_valid_p(d.difference, variance, scale))
        looks.append(
            Look(
                day=str(day),
                members=int(active.sum()),
                control=d.control,
                treatment=d.treatment,
                lift=d.difference / d.control if d.control else float("nan"),
                difference=d.difference,
                low=d.difference - half,
                high=d.difference + half,
                p=p,
                explained=d.explained,
            )
        )
    return looks


def _pre_period(
    rows: MemberDays, at: Int[np.ndarray, " rows"], pre: Bool[np.ndarray, " rows"], size: int
) -> Float[np.ndarray, " members"]:
    """Take fraction of each member before the experiment, shrunken to that of all."""
    seen = np.bincount(at[pre], rows.impressions[pre], size)
    taken = np.bincount(at[pre], rows.takes[pre], size)
    overall = taken.sum() / seen.sum()
    return (taken + 5 * overall) / (seen + 5)  # few impressions say little of a member
