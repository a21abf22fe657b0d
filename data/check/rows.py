"""What is wrong with logged feedback: decisions, events and examples, checked as whole columns.

Every function takes a table that `data.schema_cast.conform` made: columns that had a problem of
their own are left out of it, and the checks that need them are left out too.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.check.choices import check_choices
from data.check.columns import codes, numbers, there
from data.check.known import Known
from data.features.learnt_fact import odd_rows
from data.lossless_cast import plain
from data.own_facts import fact_values
from data.problem import Fault, Problem
from data.records import SCHEMA_VERSION
from data.schema import Fact, Schema
from data.schema.outcomes import DeclaredOutcomes
from data.sound import (
    EARLIEST_US,
    ID_BYTES,
    MOST_MINUTES,
    MOST_VALUE,
    believed,
    id_problem,
    unsound_facts,
)

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
TOO_MANY_MINUTES = Fault(
    "minutes", "minutes", f"nobody watches more than {MOST_MINUTES:,} minutes of a title"
)
KIND = Fault(
    "unknown kind",
    "kind",
    "a join sets it aside: declare it under events in schema.yaml beside the catalogue",
)
VALUE = Fault("value", "value", f"it is finite, and {MOST_VALUE:,} at most")
NO_VALUE = Fault(
    "value", "value", "write null, or say in schema.yaml what it counts: {value: seconds}"
)
TIME_REMEDY = "write the moment in UTC, between 2000 and now, as a timestamp"
IDS = ("decision_id", "event_id", "profile_id", "title_id")
FACTS_REMEDY = "write null for what is not known, which is what it is read as"
BINARY_REWARD = Fault("reward", "reward", "it is 0 or 1; give another reward a name of its own")


def check_decisions(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of decisions."""
    yield from _version(table, file)
    yield from check_times(table, file, ("time",))
    yield from check_ids(table, file)
    yield from check_choices(table, file, known)
    yield from check_facts(table, file, known.schema)


def check_events(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of events."""
    have = set(table.column_names)
    yield from _version(table, file)
    yield from check_times(table, file, ("time", "received"))
    yield from check_ids(table, file)
    yield from known.unknown_titles(table, file)
    yield from known.unknown_artworks(table, file)
    if "kind" not in have:
        return
    outcomes = known.schema.outcomes
    yield from _kinds(table["kind"], outcomes, file)
    kind = np.asarray(plain(table["kind"]).to_pylist(), object)
    if "minutes" in have:
        minutes = numbers(table["minutes"])
        yield from PROGRESS.in_rows(
            file,
            (kind == "progress") & ~(np.isfinite(minutes) & (minutes >= 0)),
            lambda row: f"{minutes[row]} minutes of progress",
        )
        yield from TOO_MANY_MINUTES.in_rows(
            file,
            np.isfinite(minutes) & (minutes > MOST_MINUTES),
            lambda row: f"{minutes[row]:,.0f} minutes",
        )
    if "value" in have:
        yield from _values(kind, numbers(table["value"]), outcomes, file)
    for name in ("row", "column"):
        if name in have:
            place = numbers(table[name])
            fault = Fault("place", name, "0 is the first; write null where it is not known")
            yield from fault.in_rows(
                file, place < 0, lambda row, place=place: f"{place[row]:.0f} is no place"
            )
    if "thumb" in have:
        thumb = numbers(table["thumb"])
        wrong = (kind == "thumb") & ~np.isin(thumb, (-1, 1))
        yield from THUMB.in_rows(file, wrong, lambda row: f"{thumb[row]}")
    if "own" in have:
        told = [fact for fact in known.schema.facts if fact.known_at == "request"]
        yield from check_own(plain(table["own"]), told, file, "")


def _kinds(
    column: pa.ChunkedArray, outcomes: DeclaredOutcomes, file: Path | str
) -> Iterator[Problem]:
    """Rows of a kind of event that is neither Marquee's nor declared."""
    values = plain(column)
    wrong = (codes(values, pa.array(outcomes.kinds)) < 0) & there(values)
    yield from KIND.in_rows(
        file,
        wrong,
        lambda row: f"{values[row].as_py()!r:.80} is none of {', '.join(outcomes.kinds)}",
    )


def _values(
    kind: np.ndarray, values: np.ndarray, outcomes: DeclaredOutcomes, file: Path | str
) -> Iterator[Problem]:
    """Rows whose value cannot be, or is of a kind that counts nothing."""
    given = ~np.isnan(values)
    counting = [one.name for one in outcomes.events if one.value is not None]
    yield from VALUE.in_rows(
        file, given & ~(np.abs(values) <= MOST_VALUE), lambda row: f"a value of {values[row]:g}"
    )
    yield from NO_VALUE.in_rows(
        file,
        given & np.isin(kind, outcomes.kinds) & ~np.isin(kind, counting),
        lambda row: f"a value of {values[row]:g} for {kind[row]}",
    )


def check_examples_of_log(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of examples, and which facts of theirs are read as not known."""
    yield from check_ids(table, file)
    yield from check_rewards(table, file, known)
    yield from check_facts(table, file, known.schema)


def check_profiles(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of profiles; it refers to nothing that is `known`."""
    yield from check_ids(table, file)
    yield from check_facts(table, file, known.schema)


def check_rewards(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of examples, so that nothing can be learnt from it."""
    have = set(table.column_names)
    yield from check_times(table, file, ("time",))
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


def check_times(table: pa.Table, file: Path | str, columns: tuple[str, ...]) -> Iterator[Problem]:
    """Rows of a time that cannot be."""
    for name in columns:
        if name not in table.column_names:
            continue
        times = plain(table[name])
        micros = times.cast(pa.int64()).fill_null(EARLIEST_US).to_numpy(zero_copy_only=False)
        yield from Fault("time", name, TIME_REMEDY).in_rows(
            file,
            ~believed(micros),
            lambda row, times=times: f"{_moment(times[row])} is before 2000 or after now",
        )


def check_ids(table: pa.Table, file: Path | str) -> Iterator[Problem]:
    """Rows with an id that the log or the store does not take."""
    for name in IDS:
        if name not in table.column_names or not pa.types.is_string(table[name].type):
            continue
        ids = plain(table[name])
        size = pc.binary_length(ids).fill_null(1).to_numpy(zero_copy_only=False)
        nul = pc.match_substring(ids, "\0").fill_null(False).to_numpy(zero_copy_only=False)
        yield from Fault("id", name, f"use 1 to {ID_BYTES} bytes of UTF-8, without NUL").in_rows(
            file,
            (size < 1) | (size > ID_BYTES) | nul,
            lambda row, ids=ids: f"{ids[row].as_py()[:40]!r}: {id_problem(ids[row].as_py())}",
        )


def check_facts(table: pa.Table, file: Path | str, schema: Schema) -> Iterator[Problem]:
    """Rows with facts that cannot be, those of Marquee and those that are declared."""
    if "facts" not in table.column_names:
        return
    facts = cast("pa.StructArray", plain(table["facts"]))
    for name, wrong in unsound_facts(facts).items():
        yield from Fault("fact", f"facts.{name}", FACTS_REMEDY).in_rows(
            file, wrong, lambda row, name=name: f"{facts.field(name)[row].as_py()!r:.100}"
        )
    yield from check_own(facts.field("own"), schema.facts, file, "facts.")


def check_own(
    own: pa.Array, declared: Sequence[Fact], file: Path | str, before: str
) -> Iterator[Problem]:
    """Rows with a declared fact that cannot be.

    Args:
        own: as OWN.
        declared: the facts.
        file: that they are of.
        before: what stands before a fact's name.
    """
    column = cast("pa.MapArray", own)
    for fact in declared:
        wrong = odd_rows(fact, fact_values(column, fact.name))
        remedy = f"write a {fact.kind}, or null for what is not known, which is what it is read as"
        yield from Fault("fact", f"{before}{fact.name}", remedy).in_rows(
            file,
            wrong,
            lambda row, name=fact.name: f"{_said(column[row].as_py(), name)!r:.100}",
        )


def _said(entries: list[tuple[str, dict]], name: str) -> object:
    """A fact as its owner may have written it."""
    value = dict(entries)[name]
    parts = [part for part in (value["names"], value["numbers"]) if part is not None]
    return parts[0] if len(parts) == 1 else parts


def _moment(time: pa.Scalar) -> str:
    """As text; Arrow's scalars of far years are no datetimes."""
    return str(time.cast(pa.string()))


def _version(table: pa.Table, file: Path | str) -> Iterator[Problem]:
    if "schema_version" in table.column_names:
        version = numbers(table["schema_version"])
        wrong = ~((version >= 1) & (version <= SCHEMA_VERSION)) & there(table["schema_version"])
        yield from VERSION.in_rows(file, wrong, lambda row: f"{version[row]:g}")
