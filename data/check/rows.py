"""What is wrong with logged feedback: decisions, events and examples, checked as whole columns.

Every function takes a table that `data.schema_cast.conform` made: columns that had a problem of
their own are left out of it, and the checks that need them are left out too.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.check.choices import check_choices, one_of
from data.check.columns import codes, numbers, plain, there
from data.check.known import Known
from data.problem import Fault, Problem
from data.records import EVENT_KINDS, SCHEMA_VERSION

VERSION = Fault(
    "schema version",
    "schema_version",
    f"this Marquee reads 1 … {SCHEMA_VERSION}: upgrade it, or write {SCHEMA_VERSION}",
)
PROGRESS = Fault(
    "minutes",
    "minutes",
    "a progress event says how many minutes were watched so far, 0 or more",
)
THUMB = Fault("thumb", "thumb", "a thumb event has −1 or 1")
REWARD = Fault("reward", "reward", "it must be finite")
MINUTES = Fault("minutes", "minutes", "it must be finite and 0 or more")
BINARY_REWARD = Fault("reward", "reward", "it is 0 or 1; give another reward a name of its own")


def check_decisions(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of decisions."""
    yield from _version(table, file)
    yield from check_choices(table, file, known)


def check_events(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of events."""
    have = set(table.column_names)
    yield from _version(table, file)
    yield from known.unknown_titles(table, file)
    yield from known.unknown_artworks(table, file)
    if "kind" not in have:
        return
    yield from one_of(table["kind"], EVENT_KINDS, file, "kind")
    kind = np.asarray(plain(table["kind"]).to_pylist(), object)
    if "minutes" in have:
        minutes = numbers(table["minutes"])
        yield from PROGRESS.in_rows(
            file,
            (kind == "progress") & ~(np.isfinite(minutes) & (minutes >= 0)),
            lambda row: f"{minutes[row]} minutes of progress",
        )
    if "thumb" in have:
        thumb = numbers(table["thumb"])
        wrong = (kind == "thumb") & ~np.isin(thumb, (-1, 1))
        yield from THUMB.in_rows(file, wrong, lambda row: f"{thumb[row]}")


def check_rewards(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of examples."""
    have = set(table.column_names)
    yield from check_choices(table, file, known)
    for fault, least in ((REWARD, -np.inf), (MINUTES, 0)):
        if fault.column in have:
            values = numbers(table[fault.column])
            wrong = ~(np.isfinite(values) & (values >= least)) & there(table[fault.column])
            yield from fault.in_rows(file, wrong, lambda row, values=values: f"{values[row]}")
    if {"reward", "reward_name"} <= have:
        reward = numbers(table["reward"])
        binary = codes(plain(table["reward_name"]), pa.array(["take", "play"])) >= 0
        yield from BINARY_REWARD.in_rows(
            file,
            binary & np.isfinite(reward) & ~np.isin(reward, (0, 1)),
            lambda row: f"a take or play of {reward[row]}",
        )


def _version(table: pa.Table, file: Path | str) -> Iterator[Problem]:
    if "schema_version" in table.column_names:
        version = numbers(table["schema_version"])
        wrong = ~((version >= 1) & (version <= SCHEMA_VERSION)) & there(table["schema_version"])
        yield from VERSION.in_rows(file, wrong, lambda row: f"{version[row]:g}")
