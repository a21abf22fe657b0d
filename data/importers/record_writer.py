"""What an import writes: a file of records, and beside it the rows that became none."""

import csv
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import move_into_place, sync
from data.duplicate_ids import DuplicateIds, hashes
from data.errors import BadInput
from data.reading.duckdb_session import by_name, reading

SET_ASIDE = "set_aside.csv"
"""Beside the records: file, row, why, and what it held."""


class RecordWriter:
    """Writes records into a folder, each id once, and rows that were set aside.

    Args:
        folder: that is there.
        schema: of the records.
        id: the column that no two records share.
    """

    def __init__(self, folder: Path, schema: pa.Schema, id: str) -> None:
        self.folder, self.id = folder, id
        self.written = 0
        self.reasons: Counter[str] = Counter()
        """Why rows were set aside, and how many."""
        self._ids = DuplicateIds()
        self._file = folder / "part-0.parquet"
        self._records = pq.ParquetWriter(self._file, schema)
        self._aside = (folder / SET_ASIDE).open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._aside)
        self._csv.writerow(["file", "row", "why", "held"])

    @property
    def rows(self) -> int:
        """That came in."""
        return self.written + sum(self.reasons.values())

    def write(self, records: pa.Table) -> None:
        """Write some records."""
        if len(records):
            self._records.write_table(records)
            self._ids.add(hashes(records[self.id]))
            self.written += len(records)

    def set_aside(self, file: Path | str, row: int, why: str, held: str) -> None:
        """Note a row that became no record."""
        self.reasons[why] += 1
        self._csv.writerow([str(file), row, why, held])

    def close(self) -> None:
        """Close what is open, whatever happened."""
        self._records.close()
        self._ids.__exit__(None, None, None)
        self._aside.close()

    def finish(self) -> pa.Table:
        """Make both files durable; gives the records that were set aside as copies of an id."""
        self._records.close()
        copies = pa.table({})
        if self._ids.repeated():
            copies = self._without_copies()
        self._aside.close()
        if not self.reasons:
            (self.folder / SET_ASIDE).unlink()
        for file in self.folder.iterdir():
            sync(file)
        return copies

    def refuse_nothing(self, source: Path | str, remedy: str) -> None:
        """Refuse an import of which nothing came.

        Raises:
            BadInput: no record was written.
        """
        if not self.written:
            reason, count = self.reasons.most_common(1)[0] if self.reasons else ("no rows", 0)
            raise BadInput(
                f"{source}: none of {self.rows:,} rows became a record ({count:,}: {reason}); "
                f"{remedy}"
            )

    def _without_copies(self) -> pa.Table:
        """Write the records again without those whose id an earlier one has."""
        with reading(self._file) as connection:
            twice = connection.sql(
                f"SELECT {self.id} FROM read_parquet(?) GROUP BY 1 HAVING count(*) > 1",
                params=[[by_name(self._file)]],
            ).to_arrow_table()
        several, seen, row = set(twice[self.id].to_pylist()), set[str](), 0
        again, dropped = self._file.with_name("part-1.parquet"), list[pa.RecordBatch]()
        source = pq.ParquetFile(self._file)
        with source, pq.ParquetWriter(again, source.schema_arrow) as writer:
            for batch in source.iter_batches():
                keep = []
                for at, one in enumerate(batch.column(self.id).to_pylist()):
                    keep.append(one not in seen)
                    if one in several and one not in seen:
                        seen.add(one)
                    elif one in several:
                        why = f"{self.id} is that of an earlier row"
                        self.set_aside("record", row + at, why, one)
                row += len(batch)
                writer.write_batch(batch.filter(pa.array(keep)))
                dropped.append(batch.filter(pa.array([not kept for kept in keep])))
            copies = pa.Table.from_batches(dropped)
        self.written -= len(copies)
        move_into_place(again, self._file)
        return copies
