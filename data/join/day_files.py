"""Examples on disk: one Parquet file a day, written aside and moved into place whole.

Both engines hand their rows to `write_days`; what it leaves in the staging folder becomes visible
only by `publish_days`, one rename a day, so a reader sees a day's old file or its new one.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.atomic_write import move_into_place, sync
from data.days import DAY_US, date_of
from data.join.early.growing import Growing
from data.join.early.ladder import LEFT
from data.own_facts import filled_in
from data.records import (
    BESIDE_COLUMNS,
    EXAMPLES,
    FACTS,
    METRICS,
    OWN,
    TIMESTAMP,
    WITH_METRICS,
    titles_like,
)
from data.schema.page_facts import IMPRESSION_COLUMNS

FILE = "examples.parquet"
COPIED = ["propensity", "candidates", "facts", "schema_version"]
"""What copies of a decision may still differ in, where join.sql could not tell them apart."""
DAY_RESULT = pa.schema(
    [
        ("day", pa.int64()),  # days since 1970
        ("path", pa.string()),  # the staged file; null: the day has no closed example
        ("examples", pa.int64()),
        ("waiting", pa.int64()),  # rendered, their window still open
        ("next_close", pa.int64()),  # when the first waiting window closes, µs; null: none waits
        ("reward", pa.float64()),  # summed over the examples
        ("worthless", pa.int64()),  # rewards or metrics that are null or not finite
        ("outside", pa.int64()),  # rewards that lie outside their range
        ("fault", pa.string()),  # the first name of which one is worthless; null: none is
        ("growing", pa.int64()),  # examples whose reward is what is expected of it
    ]
)


class DayResult(NamedTuple):
    """A row of DAY_RESULT."""

    day: int
    path: str | None
    examples: int
    waiting: int
    next_close: int | None
    reward: float
    worthless: int
    outside: int
    fault: str | None
    growing: int = 0


class Paid(NamedTuple):
    """What the numbers of a row of the join are called in examples."""

    reward: str
    metrics: tuple[str, ...] = ()
    """Of the columns `metric_0`, `metric_1` …"""
    fraction: bool = False
    """Whether a reward beyond [0, 1] is outside its range."""
    growing: Growing | None = None
    """How young examples are paid; None: there are none."""
    beside: tuple[str, ...] = ()
    """Those of BESIDE_COLUMNS that examples have."""

    @property
    def columns(self) -> dict[str, str]:
        """Column of a row → name."""
        return {"reward": self.reward} | {f"metric_{n}": m for n, m in enumerate(self.metrics)}

    @property
    def schema(self) -> pa.Schema:
        """Of the examples."""
        schema = WITH_METRICS if self.metrics else EXAMPLES
        return pa.schema([*schema, *self.told])

    @property
    def told(self) -> list[pa.Field]:
        """Columns of what decisions stood and were chosen beside."""
        return [field for field in BESIDE_COLUMNS if field.name in self.beside]

    def map_of(self, rows: pa.RecordBatch, named: Mapping[str, np.ndarray]) -> pa.MapArray:
        """The metrics of rows, and further numbers by name, as METRICS."""
        count, each = rows.num_rows, len(self.metrics)
        own = [rows.column(f"metric_{n}").to_numpy(zero_copy_only=False) for n in range(each)]
        values = np.stack([*own, *named.values()], axis=1)
        offsets = pa.array(np.arange(count + 1, dtype=np.int32) * values.shape[1])
        names = pa.array([*self.metrics, *named] * count, pa.string())
        return pa.MapArray.from_arrays(offsets, names, pa.array(values.ravel()), METRICS)


def example_rows(rows: pa.RecordBatch, page_facts: Sequence[str] = ()) -> pa.Table:
    """Rows of the join in the EXAMPLES schema, without reward name; page facts filled in.

    Args:
        rows: of the join.
        page_facts: those of the user's own.
    """
    facts = rows.column("facts")
    known = []
    for field in FACTS:
        values = pc.struct_field(facts, field.name)  # pyright: ignore[reportAttributeAccessIssue]
        if field.name in IMPRESSION_COLUMNS:
            shown = rows.column(IMPRESSION_COLUMNS[field.name])
            values = pc.coalesce(  # pyright: ignore[reportAttributeAccessIssue]
                values.cast(field.type), shown.cast(field.type)
            )
        values = values.cast(field.type)
        if field.name == "own" and page_facts:
            shown = cast("pa.MapArray", rows.column("own").cast(OWN))
            values = filled_in(cast("pa.MapArray", values), shown, page_facts)
        known.append(values)
    columns = {
        "facts": pa.StructArray.from_arrays(known, fields=list(FACTS)),
        "time": rows.column("decided_at").cast(pa.int64()).cast(TIMESTAMP),
    }
    like = titles_like(EXAMPLES, rows.schema)
    fields = [field for field in like if field.name != "reward_name"]
    for field in fields:
        if field.name not in columns:
            columns[field.name] = rows.column(field.name).cast(field.type)
    return pa.table([columns[field.name] for field in fields], schema=pa.schema(fields))


class _Day:
    """One day's staged file while it is being written."""

    def __init__(self, day: int, folder: Path, paid: Paid, page_facts: Sequence[str]) -> None:
        self.day, self.paid, self.page_facts = day, paid, page_facts
        # Not by process number: executors of several machines have the same ones.
        self.path = folder / f"{date_of(day)}.{uuid.uuid4().hex[:12]}.staged"
        self.writer: pq.ParquetWriter | None = None
        self.examples = self.waiting = self.worthless = self.outside = self.growing = 0
        self.fault: str | None = None
        self.next_close: int | None = None
        self.reward = 0.0

    def add(self, rows: pa.RecordBatch) -> None:
        waits, growing = rows.column("waiting"), self.paid.growing
        if growing is not None:
            waits = pc.or_(waits, pa.array(growing.waits(rows)))  # pyright: ignore[reportAttributeAccessIssue]
        waiting = rows.filter(waits)
        self.waiting += waiting.num_rows
        closes = None
        if growing is not None:
            closes = growing.next_change(rows)
        elif waiting.num_rows:
            closes = pc.min(waiting.column("closes_at")).as_py()  # pyright: ignore[reportAttributeAccessIssue]
        if closes is not None:
            self.next_close = closes if self.next_close is None else min(closes, self.next_close)
        closed = rows.filter(pc.invert(waits))  # pyright: ignore[reportAttributeAccessIssue]
        if not closed.num_rows:
            return
        self._look(closed)
        if self.worthless or self.outside:
            return  # the join will refuse the whole; a null cannot be written
        named: dict[str, np.ndarray] = {}
        if growing is not None:
            closed, named = growing.paid(closed)
            self.growing += int((named[LEFT] > 0).sum())
        self.reward += float(closed.column("reward").to_numpy(zero_copy_only=False).sum())
        self.examples += closed.num_rows
        table = example_rows(closed, self.page_facts)
        names = pa.array([self.paid.reward] * table.num_rows, pa.string())
        table = table.append_column(EXAMPLES.field("reward_name"), names)
        if self.paid.metrics:
            table = table.append_column("metrics", self.paid.map_of(closed, named))
        for field in self.paid.told:
            table = table.append_column(field, closed.column(field.name).cast(field.type))
        schema = titles_like(self.paid.schema, table.schema)
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.path, schema, compression="zstd")
        self.writer.write_table(table.select(schema.names))

    def _look(self, rows: pa.RecordBatch) -> None:
        """Count numbers that no example can have."""
        for column, name in self.paid.columns.items():
            values = rows.column(column).to_numpy(zero_copy_only=False)
            wrong = int((~(abs(values) < float("inf"))).sum())
            self.worthless += wrong
            self.fault = self.fault or (name if wrong else None)
        if self.paid.fraction:
            values = rows.column("reward").to_numpy(zero_copy_only=False)
            self.outside += int(((values < 0) | (values > 1)).sum())

    def close(self) -> pa.RecordBatch:
        path = None
        if self.writer is not None:
            self.writer.close()
            sync(self.path)
            path = str(self.path)
        result = DayResult(
            day=self.day,
            path=path,
            examples=self.examples,
            waiting=self.waiting,
            next_close=self.next_close,
            reward=self.reward,
            worthless=self.worthless,
            outside=self.outside,
            fault=self.fault,
            growing=self.growing,
        )
        return pa.RecordBatch.from_pylist([result._asdict()], schema=DAY_RESULT)


def without_copies(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows, in runs of a decision, with one row a decision: the first by what copies differ in.

    Engines order neither maps nor lists alike, so no SQL of both could say which that is.
    """
    held: pa.RecordBatch | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        if held is not None:
            ids = held.column("decision_id")
            whole = len(ids)
            if batch.column("decision_id")[0] == ids[-1]:
                whole = pc.index(ids, ids[-1]).as_py()  # pyright: ignore[reportAttributeAccessIssue]
                batch = pa.concat_batches([held.slice(whole), batch])
            if whole:
                yield _one_a_decision(held.slice(0, whole))
        held = batch
    if held is not None:
        yield _one_a_decision(held)


def _one_a_decision(rows: pa.RecordBatch) -> pa.RecordBatch:
    ids = rows.column("decision_id")
    begins = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1))  # pyright: ignore[reportAttributeAccessIssue]
    kept = np.flatnonzero(np.r_[True, begins.to_numpy(zero_copy_only=False)])
    differ = [*COPIED, *(name for name in BESIDE_COLUMNS.names if name in rows.schema.names)]
    if len(kept) == len(ids):
        return rows
    sizes = np.diff(np.r_[kept, len(ids)])
    for number in np.flatnonzero(sizes > 1).tolist():
        copies = rows.select(differ).slice(int(kept[number]), int(sizes[number])).to_pylist()
        kept[number] += min(range(len(copies)), key=lambda at, all=copies: repr(all[at]))
    return rows.take(pa.array(kept))


def write_days(
    batches: Iterable[pa.RecordBatch], folder: Path, paid: Paid, page_facts: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Stage the closed examples of each day; yield a DAY_RESULT row a day.

    The rows come sorted by `decided_at` (so each day is one run) with the columns of join.sql and
    `closes_at`. Memory is one batch and one Parquet row group.
    """
    current: _Day | None = None
    for batch in without_copies(batches):
        days = batch.column("decided_at").to_numpy(zero_copy_only=False) // DAY_US
        start = 0
        while start < batch.num_rows:
            stop = start + int((days[start:] == days[start]).argmin() or batch.num_rows - start)
            if current is not None and current.day != days[start]:
                yield current.close()
                current = None
            current = current or _Day(int(days[start]), folder, paid, page_facts)
            current.add(batch.slice(start, stop - start))
            start = stop
    if current is not None:
        yield current.close()


def publish_days(staged: dict[int, str | None], out: Path) -> None:
    """Move each day's staged file into `out/day=YYYY-MM-DD/`; a day with none loses its file."""
    for day, path in sorted(staged.items()):
        place = out / f"day={date_of(day)}" / FILE
        if path is None:
            place.unlink(missing_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        move_into_place(Path(path), place)
    sync(out)
