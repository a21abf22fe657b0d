"""Which days an increment takes in, one by one, and what is wrong with them."""

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from data.days import DAY_US, date_of, midnight_us
from data.errors import BadInput
from data.examples.growing_rewards import settled_until
from data.examples.stream import ExampleStream
from model.training.settings import Increment

WATCHED = 7
"""Days before the last that was read, in which late examples are looked for."""


class DaySpan(NamedTuple):
    """A day, or what is still to be read of it, in µs since 1970."""

    since: int
    until: int

    @property
    def day(self) -> int:
        """Its number, since 1970-01-01."""
        return self.since // DAY_US


def days_to_read(stream: ExampleStream, through: int, asked: Increment) -> list[DaySpan]:
    """Days to take in, in order; what comes after them is there to judge by.

    Args:
        stream: all examples.
        through: moment up to which they were read already.
        asked: up to which day, and whether days may be missing.

    Raises:
        BadInput: there is nothing new, days are missing, rewards of the first new day still grow,
            or nothing would be left to judge by.
    """
    _, last = stream.span()
    end = judged_from(stream, asked)
    if end <= through:
        raise BadInput(
            f"{stream.folder} holds no day to take in: the bundle has read everything before "
            f"{moment(through)}, the examples end at {moment(last)}, and what comes after "
            f"{moment(max(end, 0))} is to judge by; join later days first"
        )
    settled = settled_until(stream, through, end)
    if settled <= through:
        raise BadInput(
            f"{stream.folder}: rewards of {date_of(through // DAY_US)} still grow, and a night"
            " takes a day in once; train in full, which reads what is expected of them anew, or"
            " wait until their window has closed"
        )
    end = settled
    edges = [through, *range((through // DAY_US + 1) * DAY_US, end, DAY_US), end]
    days = [DaySpan(*pair) for pair in pairwise(edges)]
    present = [day for day in days if _has(stream, day)]
    missing = [day for day in days if day not in present and day.until - day.since == DAY_US]
    if missing and not asked.gap:
        raise BadInput(
            f"{stream.folder} has no examples of {date_of(missing[0].day)}, and days are taken in "
            "in order: join that day, or go on without it by --increment.gap true"
        )
    if not present:
        raise BadInput(
            f"{stream.folder} holds no example between {moment(through)} and {moment(end)}; join "
            "later days first"
        )
    return present


def judged_from(stream: ExampleStream, asked: Increment) -> int:
    """The moment from which examples are there to judge by, whichever way a night learns.

    A bundle that went on has read everything before the last night's moment, so a full training
    that is to be compared with it must be judged by what comes after that.

    Raises:
        BadInput: nothing would be left to judge by.
    """
    if asked.held_out_days < 1:
        raise BadInput(
            f"--increment.held-out-days {asked.held_out_days} leaves nothing to judge by; give at "
            "least 1: the day is taken in by the next night"
        )
    _, last = stream.span()
    end = (last // DAY_US - asked.held_out_days + 1) * DAY_US
    if asked.last_day is not None:
        end = midnight_us(_date(asked.last_day)) + DAY_US
        if end > last:
            raise BadInput(
                f"--increment.last-day {asked.last_day}: no example of {stream.folder} is later, "
                "so there is nothing to judge by; name an earlier day"
            )
    return end


def counted(stream: ExampleStream, through: int) -> dict[str, int]:
    """Examples of each of the last days before a moment, by day."""
    edges = [(through - 1) // DAY_US * DAY_US - at * DAY_US for at in range(WATCHED)]
    spans = [DaySpan(edge, min(edge + DAY_US, through)) for edge in edges]
    return {str(date_of(span.day)): _count(stream, span) for span in spans if _has(stream, span)}


def late(stream: ExampleStream, through: int, counts: dict[str, int]) -> int:
    """Examples of days that were read already which were not there then.

    Args:
        stream: all examples.
        through: moment up to which they were read.
        counts: what `counted` gave then.
    """
    more = 0
    for name, count in counts.items():
        start = midnight_us(date.fromisoformat(name))
        span = DaySpan(start, min(start + DAY_US, through))
        if _has(stream, span):
            more += max(0, _count(stream, span) - count)
    return more


def moment(at: int) -> str:
    """A moment in words: its day alone, where it is midnight."""
    seconds = at % DAY_US // 1_000_000
    clock = f" {seconds // 3600:02}:{seconds // 60 % 60:02} UTC" if seconds else ""
    return f"{date_of(at // DAY_US)}{clock}"


def _has(stream: ExampleStream, span: DaySpan) -> bool:
    """Whether there is an example of that time."""
    try:
        return _count(stream, span) > 0
    except BadInput:
        return False


def _count(stream: ExampleStream, span: DaySpan) -> int:
    return replace(stream, since=span.since, until=span.until).count()


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--increment.last-day {text} is no day such as 2026-01-31") from None
