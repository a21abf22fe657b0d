"""What may be believed: numbers that are finite and in their range, times that have been.

Asked at every door: requests, logs, files. What is not sound is not known.
"""

from typing import cast

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data import clock
from data.days import DAY_US
from data.lean.ids import ID_BYTES as ID_BYTES
from data.lean.ids import LARGEST_NUMBER as LARGEST_NUMBER
from data.lean.ids import id_problem as id_problem
from data.lean.ids import title_problem as title_problem

EARLIEST_US = 946_684_800_000_000
"""2000-01-01 UTC: what is older comes from a clock that was never set, or from another unit."""
AHEAD_US = DAY_US
"""How far a time may lie after now: clocks differ, and a local time may pass for UTC."""
MOST_MINUTES = 100_000
"""Of one title, watched so far: more than two months without a break."""
MOST_DAYS = 100_000
"""Of tenure: more than 270 years."""
MOST_VALUE = 1_000_000_000
"""Of an event, in either direction."""
MOST_COUNT = 1e9
"""Titles watched of a genre."""
COUNTED = ("watched_genres", "watched_cast")
PLACED = ("row", "column")


def latest_us() -> int:
    """The latest time that may be believed, µs."""
    return clock.now_us() + AHEAD_US


def believed_span() -> tuple[int, int]:
    """From when on, and up to without when, a time may be believed, µs."""
    return EARLIEST_US, latest_us() + 1


def believed(times: Int[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
    """Which times, µs, lie between 2000 and about now."""
    return (times >= EARLIEST_US) & (times <= latest_us())


def within(values: Float[np.ndarray, " rows"], most: float) -> Bool[np.ndarray, " rows"]:
    """Which numbers lie between 0 and a most; NaN does not."""
    return (values >= 0) & (values <= most)


def unsound_facts(facts: pa.StructArray) -> dict[str, Bool[np.ndarray, " members"]]:
    """Field → members of whom it says what cannot be; fields that are sound of all are left out."""
    there = np.asarray(facts.is_valid())
    wrong = {}
    tenure = facts.field("tenure_days")
    wrong["tenure_days"] = np.asarray(tenure.is_valid()) & ~within(numbers(tenure), MOST_DAYS)
    for name in PLACED:
        wrong[name] = numbers(facts.field(name)) < 0
    for name in COUNTED:
        rows, _, counts = entries(cast("pa.MapArray", facts.field(name)))
        wrong[name] = np.zeros(len(facts), bool)
        wrong[name][rows[~within(counts, MOST_COUNT)]] = True
    return {name: rows & there for name, rows in wrong.items() if (rows & there).any()}


def numbers(column: pa.Array) -> Float[np.ndarray, " rows"]:
    """As float64; null is NaN."""
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def entries(
    column: pa.MapArray,
) -> tuple[Int[np.ndarray, " entries"], pa.Array, Float[np.ndarray, " entries"]]:
    """Row, key and value of every entry of a map column; NaN where the value is null."""
    offsets = column.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    start, stop = int(offsets[0]), int(offsets[-1])
    row = np.repeat(np.arange(len(column)), np.diff(offsets))
    names = column.keys.slice(start, stop - start)
    counts = numbers(column.items.slice(start, stop - start))
    known = ~column.is_null().to_numpy(zero_copy_only=False)[row]
    return row[known], names.filter(pa.array(known)), counts[known]
