"""Columns that a reward may speak of beyond those of every join: each kind's events, by a window.

`KIND_count`, `KIND_sum` of values, `KIND_first_s` and `KIND_last_s` in seconds since the
impression. Sums are of millionths in whole numbers, so that no order of rows, no number of threads
and no engine changes a bit of them.
"""

import re
from typing import NamedTuple

from data.schema.outcomes import DeclaredOutcomes

SUFFIX = re.compile(r"(?P<kind>.+)_(?P<what>count|sum|first_s|last_s)")
PLAIN = ("played", "minutes", "thumb")
"""Columns of every join, in the join's own window; another window counts them anew."""
COUNTED = ("play", "progress", "thumb")
"""Kinds that Marquee comes with, which follow an impression."""
MILLION = "CAST(1000000 AS DOUBLE)"
WITHIN = "engaged_at <= shown_at + {window}"
AGGREGATES = {
    "count": "sum(CASE WHEN kind = '{kind}' AND {within} THEN 1 ELSE 0 END)",
    "sum": "sum(CASE WHEN kind = '{kind}' AND {within} THEN CAST(value AS DECIMAL(20, 0)) END)",
    "first_s": "min(CASE WHEN kind = '{kind}' AND {within} THEN engaged_at - shown_at END)",
    "last_s": "max(CASE WHEN kind = '{kind}' AND {within} THEN engaged_at - shown_at END)",
    "played": "max(CASE WHEN kind IN ('play', 'progress') AND {within} THEN 1 ELSE 0 END)",
    "minutes": "max(CASE WHEN kind = 'progress' AND {within} THEN CAST(minutes AS DOUBLE) END)",
    "thumb": "max(CASE WHEN kind = 'thumb' AND {within} THEN thumb END)",
}
"""Over the events of an impression; see tallies.sql."""
SECONDS = f"CAST(CASE WHEN {{x}} < 0 THEN 0 ELSE {{x}} END AS DOUBLE) / {MILLION}"
VALUES = {
    "count": "CAST(coalesce({x}, 0) AS DOUBLE)",
    "sum": f"coalesce(CAST({{x}} AS DOUBLE), CAST(0 AS DOUBLE)) / {MILLION}",
    "first_s": SECONDS,
    "last_s": SECONDS,
    "played": "coalesce({x}, 0) = 1",
    "minutes": "coalesce({x}, CAST(0 AS DOUBLE))",
    "thumb": "coalesce({x}, 0)",
}
"""Of an aggregate, null where there was no event."""
SOME = {"count": "1.0", "sum": "1.0", "first_s": "60.0", "last_s": "60.0"}
NONE = {"count": "0.0", "sum": "0.0", "first_s": "NULL", "last_s": "NULL"}


class EventColumn(NamedTuple):
    """A column of an example's events."""

    name: str
    """In the join: of the column and its window."""
    what: str
    """count, sum, first_s, last_s, played, minutes or thumb."""
    kind: str | None
    """Of events; None: of those that Marquee's own column counts."""
    window_us: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the events that it counts."""
        return () if self.kind is None else (self.kind,)

    @property
    def aggregate(self) -> str:
        """Over an impression's events, in SQL of every engine."""
        within = WITHIN.format(window=self.window_us)
        return AGGREGATES[self.what].format(kind=self.kind, within=within)

    @property
    def value(self) -> str:
        """Of the aggregate, which tallies.sql names like the column."""
        return VALUES[self.what].format(x=f"x.{self.name}")


def event_column(
    name: str, window_us: int, base_us: int, among: DeclaredOutcomes
) -> EventColumn | str | None:
    """The column that a reward means by a name.

    Args:
        name: in its expression.
        window_us: of the reward.
        base_us: window of the join.
        among: what is declared.

    Returns:
        The column; None: the join has it already, or it is none of these; a text: what is wrong.
    """
    suffixed = f"{name}_in_{window_us}"
    if name in PLAIN:
        return None if window_us == base_us else EventColumn(suffixed, name, None, window_us)
    found = SUFFIX.fullmatch(name)
    if found is None:
        return None
    kind, what = found["kind"], found["what"]
    values = {one.name: one.value for one in among.events} | dict.fromkeys(COUNTED)
    if kind not in values:
        known = ", ".join(values)
        return f"{kind} is no kind of event that can follow an impression; there are {known}"
    if what == "sum" and values[kind] is None:
        own = "" if kind in COUNTED else "; declare its value in schema.yaml, such as seconds"
        return f"events of kind {kind} have no value to sum{own}"
    return EventColumn(suffixed, what, kind, window_us)


def samples(names: list[str]) -> tuple[str, str]:
    """Columns of an example with one event of each kind, and of one with none, as SQL."""
    found = [(name, match["what"]) for name in names if (match := SUFFIX.fullmatch(name))]
    some = "".join(f", CAST({SOME[what]} AS DOUBLE) AS {name}" for name, what in found)
    none = "".join(f", CAST({NONE[what]} AS DOUBLE) AS {name}" for name, what in found)
    return some, none
