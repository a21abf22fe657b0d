"""`python -m evaluate power`: how many days an experiment needs, or what it can find."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from data.errors import BadInput
from evaluate.experiments.look import LEAST_MEMBERS
from evaluate.experiments.planned_looks import planned_bounds, planned_days, spent_alpha
from evaluate.experiments.sequential import (
    difference_variance,
    half_width_at_plan,
    planned_tau,
)

YEAR = 365


class Design(NamedTuple):
    """An experiment of two cells that is planned."""

    base: float
    """Take fraction of the control cell."""
    lift: float
    """Relative, to find."""
    members: int
    """In each cell."""
    impressions_per_day: float
    """A member."""
    spread: float
    """Standard deviation of members' own take fractions."""
    explained: float = 0.0
    """Share of variance that the pre-period explains."""
    power: float = 0.8
    alpha: float = 0.05
    uneven: float = 0.0
    """Standard deviation of members' impressions over their mean."""


@dataclass(frozen=True)
class DaysNeeded:
    """Days until a lift is found, None where a year is not enough."""

    members_a_cell: int
    fixed: int | None
    """One look, on that day."""
    planned: int | None
    """By the last of some planned looks, on that day; None too if no looks are planned."""
    always_valid: int | None
    """By that day's look, each day looked at, with no planned end."""
    looks: int
    tau: float
    """For `experiment`: of the precision on the planned day, or after a year if there is none."""
    confidence: float = 0.95
    """For `experiment`, which shares it among treatment cells: what the days are for."""


def days_needed(design: Design, looks: int = 0) -> DaysNeeded:
    """Days until the lift is found with the stated power.

    Args:
        design: of the experiment.
        looks: at even distances until a planned end; 0: none are planned.
    """
    wanted, chance = design.lift * design.base, float(stats.norm.ppf(design.power))

    def found_by(days: int, bound: float) -> bool:
        return wanted >= (bound + chance) * np.sqrt(variance_after(design, days))

    def last_bound(days: int) -> float:
        at = planned_days(looks, days)
        information = np.array([1 / variance_after(design, day) for day in at])
        return float(
            planned_bounds(information, spent_alpha(np.array(at) / days, design.alpha))[-1]
        )

    once = float(stats.norm.isf(design.alpha / 2))
    ever = half_width_at_plan(design.alpha)
    always_valid = _first(lambda days: found_by(days, ever))
    planned = _first(lambda days: found_by(days, last_bound(days))) if looks else None
    end = (planned if looks else always_valid) or YEAR
    return DaysNeeded(
        members_a_cell=design.members,
        fixed=_first(lambda days: found_by(days, once)),
        planned=planned,
        always_valid=always_valid,
        looks=looks,
        tau=planned_tau(variance_after(design, end), design.alpha),
    )


def variance_after(design: Design, days: int) -> float:
    """Variance of the difference after some days, each cell with its own take fraction."""
    impressions = design.impressions_per_day * days
    cells = [
        difference_variance(
            *(design.base * by, design.members, impressions, design.spread * by),
            design.explained,
            design.uneven,
        )
        for by in (1.0, 1 + design.lift)
    ]
    return sum(cells) / 2


def _first(enough: Callable[[int], bool]) -> int | None:
    """The first day of a year from which on it is enough."""
    day = bisect_left(range(1, YEAR + 1), True, key=enough) + 1
    return day if day <= YEAR else None


# Each parameter is an option of the command.
def power(
    base: float,
    lift: float = 0.02,
    members: int = 100_000,
    impressions_per_day: float = 5.0,
    spread: float = 0.05,
    explained: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
    cells: int = 2,
    looks: int = 0,
    uneven: float = 0.0,
) -> DaysNeeded:
    """Days needed to find a lift of the take fraction.

    Args:
        base: take fraction of the control cell.
        lift: relative lift to find.
        members: in all cells together.
        impressions_per_day: a member.
        spread: standard deviation of members' own take fractions.
        explained: share of variance that the pre-period explains.
        power: chance to find the lift.
        alpha: two-sided, shared among treatment cells.
        cells: with control.
        looks: of a test with a planned end, at even distances; 0 if it may go on for ever.
        uneven: standard deviation of members' impressions over their mean; 0 if all see the
            same. Those who come often say less than as many members would.
    """
    most = np.sqrt(base * (1 - base)) if 0 < base < 1 else np.nan
    for sound, words in (
        (0 < base < 1, f"--base {base}: a take fraction lies between 0 and 1"),
        (lift > 0, f"--lift {lift}: give a lift above 0"),
        (base * (1 + lift) < 1, f"--lift {lift} of --base {base} makes {base * (1 + lift):.3g}"),
        (impressions_per_day > 0, f"--impressions-per-day {impressions_per_day}: above 0"),
        (0 <= spread < most, f"--spread {spread}: with this base from 0 to below {most:.3g}"),
        (0 <= explained < 1, f"--explained {explained}: a share, from 0 to below 1"),
        (0 < power < 1, f"--power {power}: a chance between 0 and 1"),
        (0 < alpha < 1, f"--alpha {alpha}: a chance between 0 and 1"),
        (cells >= 2, f"--cells {cells}: at least 2, control among them"),
        (looks >= 0, f"--looks {looks}: 0 or more"),
        (uneven >= 0, f"--uneven {uneven}: 0 or more"),
        (
            members >= LEAST_MEMBERS * cells,
            f"--members {members}: at least {LEAST_MEMBERS} a cell; `experiment` looks at no fewer",
        ),
    ):
        if not sound:
            raise BadInput(words)
    share = alpha / (cells - 1)
    each = members // cells
    design = Design(base, lift, each, impressions_per_day, spread, explained, power, share, uneven)
    return replace(days_needed(design, looks), confidence=round(1 - alpha, 12))


def show(needed: DaysNeeded) -> None:
    """Days of each way to look, in words, and what to tell `experiment`."""
    ways = [(needed.fixed, "looked at once")]
    if needed.looks:
        ways.append((needed.planned, f"{needed.looks} planned looks, the last"))
    ways.append((needed.always_valid, "looked at every day, with no planned end"))
    for days, words in ways:
        within = "1 day" if days == 1 else f"{days} days"
        print(f"{words}: " + ("not within a year" if days is None else within))
    if needed.fixed is None:
        print("no way to look finds it: more members, more impressions, or a larger lift")
        return
    options = f"--tau {needed.tau:.6g}"
    if needed.looks and needed.planned:
        options += f" --looks {min(needed.looks, needed.planned)} --days {needed.planned}"
    if needed.confidence != DaysNeeded.confidence:
        options += f" --confidence {needed.confidence:g}"
    print(f"read it with: python -m evaluate experiment LOG {options}")
