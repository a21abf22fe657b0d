"""`python -m evaluate power`: how many days an experiment needs, or what it can find."""

import numpy as np
import orjson
from scipy import stats

from data.errors import BadInput
from evaluate.experiments.sequential import always_valid_half_width, difference_variance

YEAR = 365


def days_needed(
    base: float,
    lift: float,
    members: int,
    impressions_per_day: float,
    spread: float,
    explained: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> dict[str, int | None]:
    """Days until the lift is found with the stated power, None where a year is not enough.

    `fixed`: one look, on that day. `always_valid`: by that day's look, each day looked at.
    `members` are in each cell.
    """
    wanted, chance = lift * base, stats.norm.ppf(power)
    found: dict[str, int | None] = {"fixed": None, "always_valid": None}
    for days in range(YEAR, 0, -1):
        variance = difference_variance(base, members, impressions_per_day * days, spread, explained)
        half = always_valid_half_width(variance, wanted, alpha)
        if wanted >= (stats.norm.ppf(1 - alpha / 2) + chance) * np.sqrt(variance):
            found["fixed"] = days
        if wanted >= half + chance * np.sqrt(variance):
            found["always_valid"] = days
    return found


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
    json: bool = False,
) -> None:
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
        json: print one JSON object instead of words.
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
    found = days_needed(
        *(base, lift, members // cells, impressions_per_day, spread),
        *(explained, power, alpha / (cells - 1)),
    )
    if json:
        print(orjson.dumps({"members_a_cell": members // cells, **found}).decode())
        return
    for name, words in (("fixed", "looked at once"), ("always_valid", "looked at every day")):
        days = found[name]
        print(f"{words}: " + ("not within a year" if days is None else f"{days} days"))
