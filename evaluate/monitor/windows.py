"""A week's days judged together: what is too little for one day's decisions shows in seven's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from data.check.finding import WARN_P

Day = TypeVar("Day")
LENGTHS = 1, 2, 4, 7
"""Days of the windows that are tried."""
TOGETHER = "all"
"""Name of all bundles together."""


class Window(NamedTuple):
    """The days up to one that speak the loudest."""

    p: float
    """That chance gives as much in any window that ends on the day."""
    days: int


def sets_of_bundles(bundles: Iterable[str]) -> dict[str, list[str]]:
    """Name → bundles whose rows are looked at as one: each alone, and where there are several all.

    A service that publishes every night has no bundle with a week of its own; what is wrong with
    each of them shows in all of them.

    Args:
        bundles: of the log, in any order and number.
    """
    each = sorted(set(bundles))
    together = {TOGETHER: each} if len(each) > 1 else {}
    return {name: [name] for name in each} | together


def worst_windows(
    days: Mapping[str, Day], p_of: Callable[[Sequence[Day]], float]
) -> dict[str, Window]:
    """The worst window of at most a week that ends on each day.

    A change that began some days ago is seen best from its own first day on, and nobody knows that
    day: windows of several lengths are tried, and the p-value is multiplied by how many there are
    (a CUSUM whose reference is what is most likely, limited to a week). A day that is an alarm of
    its own is left to that.

    Args:
        days: date → what was counted on it.
        p_of: p-value of some days together.

    Source: Lai (1995), "Sequential Changepoint Detection in Quality Control and Dynamical Systems",
    JRSS B 57(4), section 2.
    """
    order = [date.fromisoformat(day) for day in sorted(days)]
    found, after = {}, 0
    for at, last in enumerate(order):
        starts = {
            next(n for n in range(after, at + 1) if (last - order[n]).days < length)
            for length in LENGTHS
        }
        windows = [
            (p_of([days[str(day)] for day in order[start : at + 1]]), at + 1 - start)
            for start in starts
        ]
        p, length = min(windows)
        found[str(last)] = Window(min(1.0, p * len(windows)), length)
        if p_of([days[str(last)]]) < WARN_P:
            after = at + 1
    return found
