"""What an import writes: a file of records, and beside it the rows that became none."""

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import move_into_place, sync
from data.duplicate_ids import DuplicateIds, hashes
from data.errors import BadInput
from data.reading.conformed_files import conformed_files
from data.reading.duckdb_session import by_name, reading

SET_ASIDE = "set_aside.csv"
"""Beside the records: file, row, why, and what it held."""


class LogBefore(NamedTuple):
    """Records of an import before, which another adds to."""

    files: list[Path]
    schema: pa.Schema
    alike: tuple[str, ...] = ()
    """Columns by which a record is one that is there, whatever its id; none: by its id alone."""

    def holds(self, file: Path, id: str) -> set[str]:
        """Ids of the records of a file that are there already."""
        there = [str(one) for one in conformed_files(self.files, self.schema)]
        if not there:
            return set()
        same = " AND ".join(f"o.{name} IS NOT DISTINCT FROM n.{name}" for name in self.alike)
        ways = [f"o.{id} = n.{id}", *([same] if same else [])]
        found = set[str]()
        with reading(file) as connection:
            for way in ways:
                rows = connection.sql(
                    f"SELECT n.{id} FROM read_parquet(?) n SEMI JOIN read_parquet(?) o ON {way}",
                    params=[[str(file)], there],
                ).to_arrow_table()
                found |= set(rows[id].to_pylist())
        return found


class RecordWriter:
    """Writes records into a folder, each id once, and rows that were set aside.

    Args:
        folder: that is there.
        schema: of the records.
        id: the column that no two records share.
        number: of the file among those that it will lie beside.
    """

    def __init__(self, folder: Path, schema: pa.Schema, id: str, number: int = 0) -> None:
        self.folder, self.id = folder, id
        self.written = 0
        self.reasons: Counter[str] = Counter()
        """Why rows were set aside, and how many."""
        self._ids = DuplicateIds()
        self._file = folder / f"part-{number}.parquet"
        self._records = pq.ParquetWriter(self._file, schema)
        self.aside = SET_ASIDE if not number else f"set_aside-{number}.csv"
        """Name of the file of rows that were set aside."""
        self._aside = (folder / self.aside).open("w", newline="", encoding="utf-8")
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

    def finish(self, log: "LogBefore | None" = None) -> pa.Table:
        """Make both files durable; gives the records that were set aside as copies.

        Args:
            log: the records that these will lie beside; those that it has are set aside.
        """
        self._records.close()
        copies = pa.table({})
        there = set[str]() if log is None else log.holds(self._file, self.id)
        if there or self._ids.repeated():
            copies = self._without_copies(there)
        self._aside.close()
        if not self.reasons:
            (self.folder / self.aside).unlink()
        if log is not None and log.files and not self.written:
            self._file.unlink()  # nothing is new
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

    def _without_copies(self, there: set[str]) -> pa.Table:
        """Write the records again without those of some ids, or whose id an earlier one has."""
        with reading(self._file) as connection:
            twice = connection.sql(
                f"SELECT {self.id} FROM read_parquet(?) GROUP BY 1 HAVING count(*) > 1",
                params=[[by_name(self._file)]],
            ).to_arrow_table()
        several, seen, row = set(twice[self.id].to_pylist()), set[str](), 0
        again, dropped = self._file.with_name("again.parquet"), list[pa.RecordBatch]()
        source = pq.ParquetFile(self._file)
        with source, pq.ParquetWriter(again, source.schema_arrow) as writer:
            for batch in source.iter_batches():
                keep = []
                for at, one in enumerate(batch.column(self.id).to_pylist()):
                    keep.append(one not in seen and one not in there)
                    if one in there:
                        self.set_aside("record", row + at, "the log has it already", one)
                    elif one in several and one not in seen:
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
