"""Feedback from Parquet or Arrow: one row a decision, checked, batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from data.errors import BadInput, first_line
from data.reading.duckdb_session import session
from data.schema_cast import damage, opened
from evaluate.ope.feedback_batch import Batch, checked_batch

REQUIRED = (
    *("decision_id", "candidates", "action", "reward", "propensity"),
    "target_probabilities",
)
OPTIONAL = ("estimated_rewards", "profile_id", "level", "probabilities", "rule")
NAMES = ("decision_id", "profile_id", "action", "level")
"""Columns of one text or number a row."""
ROWS = 65_536
"""Decisions read at once."""


@dataclass(frozen=True)
class FeedbackSource:
    """A table or a Parquet file of feedback that can be read more than once.

    Raises:
        BadInput: the file cannot be read, has no rows or lacks a column.
    """

    table: pa.Table | None
    path: Path | None

    @classmethod
    def open(cls, feedback: pa.Table | str | Path) -> "FeedbackSource":
        """Open a table, or a Parquet file by name."""
        if isinstance(feedback, pa.Table):
            source = cls(feedback, None)
        else:
            source = cls(None, Path(feedback))
        schema = source.schema()
        missing = [name for name in REQUIRED if name not in schema.names]
        if missing:
            raise BadInput(
                f"{source.name}: column {', '.join(missing)} is missing; feedback needs"
                f" {', '.join(REQUIRED)} (optional: {', '.join(OPTIONAL)})"
            )
        for name in (*REQUIRED, *OPTIONAL):
            if (count := schema.names.count(name)) > 1:
                raise BadInput(f"{source.name}: column {name} is there {count} times; keep one")
            if name in NAMES and count and pa.types.is_nested(kind := schema.field(name).type):
                raise BadInput(f"{source.name}: {name} is {kind}; give text or whole numbers")
        return source

    @property
    def name(self) -> str:
        """What messages call it."""
        return "feedback table" if self.path is None else str(self.path)

    def schema(self) -> pa.Schema:
        """Arrow schema of the source."""
        if self.table is not None:
            return self.table.schema
        with opened(self._file()) as file:
            return file.schema_arrow

    def has(self, column: str) -> bool:
        """Whether an optional column is there."""
        return column in self.schema().names

    def batches(self) -> Iterator[Batch]:
        """Checked batches in order; memory is bounded by one batch.

        Raises:
            BadInput: a row is wrong; names source, row, decision and remedy.
        """
        columns = [c for c in (*REQUIRED, *OPTIONAL) if self.has(c)]
        connection = session()
        row = 0
        for raw in self._raw(columns):
            if raw.num_rows:
                yield self._checked(raw, row, connection)
                row += raw.num_rows
        if row == 0:
            raise BadInput(f"{self.name}: no rows; give at least one decision")

    def _checked(
        self, raw: pa.RecordBatch, row: int, connection: duckdb.DuckDBPyConnection
    ) -> Batch:
        """One batch, whatever types its columns are of."""
        try:
            if why := damage(pa.Table.from_batches([raw])):
                raise BadInput(f"{self.name}: from row {row} on {why}; write it again")
            return checked_batch(raw, row, self.name, connection)
        except (pa.ArrowException, duckdb.Error) as error:
            raise BadInput(
                f"{self.name}: from row {row} on it is no feedback ({first_line(error)}); write"
                " text, numbers and lists of them"
            ) from None

    def decision_ids(self) -> Iterator[tuple[int, pa.Array]]:
        """First row and decision ids of each batch."""
        row = 0
        for raw in self._raw(["decision_id"]):
            yield row, raw.column(0)
            row += raw.num_rows

    def _raw(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if self.table is not None:
            yield from self.table.select(columns).to_batches(max_chunksize=ROWS)
            return
        with opened(self._file()) as file:
            yield from file.iter_batches(ROWS, columns=columns)

    def _file(self) -> Path:
        path = self.path or Path()
        if not path.is_file():
            raise BadInput(f"{path}: no such file; give a Parquet file of feedback")
        return path
