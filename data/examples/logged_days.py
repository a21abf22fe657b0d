"""A log's decisions day by day, each day with the events that may tell of its members' history."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from data.days import DAY_US, date_of
from data.errors import BadInput
from data.examples.member_history import DAYS
from data.join.inputs import log_files, refuse_newer_schema
from data.log.parquet import first_of_each
from data.reading.conformed_files import conformed_dataset, conformed_files
from data.records import DECISIONS, FACTS, PLAIN_EVENTS, TIMESTAMP, titles_like
from data.schema_cast import one_kind


def days_of(log: Path) -> list[date]:
    """The days that the log has decisions of.

    Raises:
        BadInput: none.
    """
    files = log_files(log, "decisions")
    if not files:
        raise BadInput(f"{log} holds no decisions/*.parquet; give the folder of a log")
    scanned = conformed_dataset(files, DECISIONS)
    days: set[int] = set()
    for batch in scanned.to_batches(columns=["time"]):
        times = batch.column(0).cast(pa.int64()).to_numpy()
        days.update(np.unique(times // DAY_US).tolist())
    return [date_of(day) for day in sorted(days)]


def decisions_and_events(log: Path, day: date) -> tuple[pa.Table, pa.Table]:
    """A day's decisions, each once, and the events of that day and of the days before it.

    Raises:
        BadInput: a file is not readable, or of a later schema version.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    stop = start + timedelta(days=1)
    decisions = _read(log, "decisions", "time", start, stop, DECISIONS)
    decisions = decisions.take(first_of_each(decisions["decision_id"]))
    like = titles_like(PLAIN_EVENTS, decisions.schema)
    events = _read(log, "events", "received", start - timedelta(days=DAYS), stop, like)
    one_kind([(log / "events", events.schema), (log / "decisions", decisions.schema)])
    return decisions, events


def facts_since(log: Path, day: date) -> Iterator[pa.StructArray]:
    """The facts of decisions from a day on, some at a time."""
    first = pa.scalar(datetime(day.year, day.month, day.day, tzinfo=UTC), TIMESTAMP)
    scanned = conformed_dataset(log_files(log, "decisions"), DECISIONS)
    for batch in scanned.to_batches(columns=["facts"], filter=ds.field("time") >= first):
        yield batch.column(0).cast(FACTS)


def _read(
    log: Path, kind: str, clock: str, start: datetime, stop: datetime, schema: pa.Schema
) -> pa.Table:
    files = log_files(log, kind)
    if not files:
        return schema.empty_table()
    for file, name in zip(conformed_files(files, schema), files, strict=True):
        refuse_newer_schema(file, name)
    low, high = (pa.scalar(moment, TIMESTAMP) for moment in (start, stop))
    inside = (ds.field(clock) >= low) & (ds.field(clock) < high)
    return conformed_dataset(files, schema).to_table(filter=inside)
