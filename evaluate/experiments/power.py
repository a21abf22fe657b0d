"""`python -m evaluate power`: how many days an experiment needs, or what it can find."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from data.errors import BadInput
from evaluate.experiments.sequential import always_valid_half_width, difference_variance

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


@dataclass(frozen=True)
class DaysNeeded:
    """Days until a lift is found, None where a year is not enough."""

    members_a_cell: int
    fixed: int | None
    """One look, on that day."""
    always_valid: int | None
    """By that day's look, each day looked at."""


def days_needed(design: Design) -> DaysNeeded:
    """Days until the lift is found with the stated power."""
    wanted, chance = design.lift * design.base, stats.norm.ppf(design.power)
    fixed: int | None = None
    always_valid: int | None = None
    for days in range(YEAR, 0, -1):
        impressions = design.impressions_per_day * days
        variance = difference_variance(
            design.base, design.members, impressions, design.spread, design.explained
        )
        half = always_valid_half_width(variance, wanted, design.alpha)
        if wanted >= (stats.norm.ppf(1 - design.alpha / 2) + chance) * np.sqrt(variance):
            fixed = days
        if wanted >= half + chance * np.sqrt(variance):
            always_valid = days
    return DaysNeeded(design.members, fixed, always_valid)


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
    """
    if not (0 < base < 1 and lift > 0 and cells >= 2 and members >= cells and 0 <= explained < 1):
        raise BadInput(
            f"base {base} must lie in (0, 1), lift {lift} above 0, cells {cells} at least 2,"
            f" members {members} at least as many, explained {explained} in [0, 1)"
        )
    if not (0 < power < 1 and 0 < alpha < 1 and spread**2 < base * (1 - base)):
        raise BadInput(
            f"power {power} and alpha {alpha} must lie in (0, 1), spread {spread} below"
            f" {np.sqrt(base * (1 - base)):.3g}"
        )
    return days_needed(
        Design(
            base,
            lift,
            members // cells,
            impressions_per_day,
            spread,
            explained,
            power,
            alpha / (cells - 1),
        )
    )


def show(needed: DaysNeeded) -> None:
    """Both numbers of days, in words."""
    for days, words in (
        (needed.fixed, "looked at once"),
        (needed.always_valid, "looked at every day"),
    ):
        print(f"{words}: " + ("not within a year" if days is None else f"{days} days"))
