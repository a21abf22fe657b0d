"""`python -m data import`: files of any layout to the public records, by a map."""

import csv
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from data.atomic_write import replaced_folder, sync
from data.catalogue import Catalogue
from data.duplicate_ids import DuplicateIds, hashes
from data.errors import BadInput
from data.importers.mapping.import_map import read_map
from data.importers.mapping.names import CatalogueNames
from data.importers.mapping.propose import propose_map
from data.importers.mapping.raw_rows import RawRows
from data.importers.mapping.records import FOLDERS, SCHEMAS, RecordMaker
from data.importers.mapping.row_files import read_rows
from data.reading.duckdb_session import reading

SET_ASIDE = "set_aside.csv"
"""Beside the records: file, row, why, and what it held."""
ID = {"impressions": "decision_id", "decisions": "decision_id", "events": "event_id"}


@dataclass(frozen=True)
class Imported:
    """What was read, and what became of it."""

    out: str
    """The folder of the records."""
    kind: str
    """impressions (examples), decisions or events."""
    rows: int
    """That were read."""
    written: int
    drawn: int
    """Of them, drawn at random among several candidates: what estimates may weigh."""
    set_aside: Mapping[str, int]
    """Reason → rows; the rows are in `set_aside.csv` beside the records."""
    doubts: list[str]


@dataclass(frozen=True)
class Proposed:
    """A map that was written to begin with."""

    map: str
    asks: list[str]
    """What its writer did not know."""


def import_files(
    files: list[str],
    map: Path = Path("MAP.yaml"),
    out: Path | None = None,
    catalogue: Path | None = None,
    propose: bool = False,
    force: bool = False,
) -> Imported | Proposed:
    """Bring CSV, JSON lines, Parquet or Delta tables of any layout to Marquee's records.

    Args:
        files: or folders of Parquet; all of one layout.
        map: YAML that says which column is what; docs/import.md has its keys.
        out: log folder, which gets examples/, decisions/ or events/ by what the map says a row is.
        catalogue: folder of titles.parquet and artworks.parquet that the rows refer to.
        propose: write a first map to --map, from the files' columns, and import nothing.
        force: write over what is there.
    """
    places = [Path(file) for file in files]
    if not places:
        raise BadInput("name the files to import")
    if propose:
        return Proposed(str(map), propose_map(places, map, force=force))
    if not map.is_file():
        raise BadInput(f"there is no map {map}; `python -m data import --propose FILE` writes one")
    if out is None or catalogue is None:
        lacking = "--out: the folder of the log" if out is None else "--catalogue: its folder"
        raise BadInput(f"an import needs {lacking}")
    maker = RecordMaker(read_map(map), CatalogueNames(Catalogue.read(catalogue)))
    folder = out / FOLDERS[maker.map.rows]
    if folder.exists() and any(folder.iterdir()) and not force:
        raise BadInput(f"{folder} holds records already; give another --out, or --force")
    with replaced_folder(folder) as part, Console(stderr=True).status("reading") as status:
        with closing(_Writer(part, maker)) as writer:
            for place in places:
                for raw in read_rows(place, maker.map.reads(), maker.map.csv):
                    writer.add(raw)
                    status.update(f"{writer.rows:,} rows, {raw.file.name}")
            writer.finish()
        if not writer.written:
            reason, count = writer.reasons.most_common(1)[0] if writer.reasons else ("no rows", 0)
            raise BadInput(
                f"{places[0]}: none of {writer.rows:,} rows became a record ({count:,}: {reason}); "
                f"mend the file or {map}"
            )
    doubt = maker.evenness.doubt(maker.names)
    reasons, kind = dict(writer.reasons.most_common()), maker.map.rows
    return Imported(
        *(str(folder), kind, writer.rows, writer.written, maker.drawn, reasons),
        [] if doubt is None else [doubt],
    )


def show(record: Imported | Proposed) -> None:
    """What was read, what was set aside and why; doubts on stderr."""
    if isinstance(record, Proposed):
        print(f"wrote {record.map}; it asks {len(record.asks)} things: {', '.join(record.asks)}")
        return
    print(f"{record.out}: {record.written:,} of {record.rows:,} rows")
    if record.kind != "events":
        share = record.drawn / max(record.written, 1)
        print(
            f"drawn at random among several: {record.drawn:,} ({share:.1%}); others have no part "
            "in off-policy values"
        )
    for reason, count in record.set_aside.items():
        print(f"set aside: {count:,}: {reason}")
    if record.set_aside:
        print(f"set aside rows: {Path(record.out) / SET_ASIDE}")
    for doubt in record.doubts:
        print(f"doubt: {doubt}", file=sys.stderr)


class _Writer:
    """Records and rows that were set aside, in a folder."""

    def __init__(self, folder: Path, maker: RecordMaker) -> None:
        self.folder, self.maker = folder, maker
        self.rows = self.written = 0
        self.reasons: Counter[str] = Counter()
        self._ids = DuplicateIds()
        self._file = folder / "part-0.parquet"
        self._records = pq.ParquetWriter(self._file, SCHEMAS[maker.map.rows])
        self._aside = (folder / SET_ASIDE).open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._aside)
        self._csv.writerow(["file", "row", "why", "held"])

    def add(self, raw: RawRows) -> None:
        """Write some rows."""
        self.rows += len(raw.table) + len(raw.broken)
        for row in raw.broken:
            self._set_aside(raw.file, row.row, row.why, row.text)
        if not len(raw.table):
            return
        table, reasons = self.maker(raw)
        wrong, numbers = np.flatnonzero(~np.equal(reasons, None)), raw.numbers()
        held = raw.table.take(pa.array(wrong)).to_pylist()
        for at, values in zip(wrong.tolist(), held, strict=True):
            text = orjson.dumps(values, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
            self._set_aside(raw.file, int(numbers[at]), reasons[at], text)
        if len(table):
            self._records.write_table(table)
            self._ids.add(hashes(table[ID[self.maker.map.rows]]))
            self.written += len(table)

    def close(self) -> None:
        """Close what is open, whatever happened."""
        self._records.close()
        self._ids.__exit__(None, None, None)
        self._aside.close()

    def finish(self) -> None:
        """Finish both files; rows whose id an earlier one has are set aside."""
        self._records.close()
        if self._ids.repeated():
            self._without_copies()
        self._aside.close()
        if not self.reasons:
            (self.folder / SET_ASIDE).unlink()
        for file in self.folder.iterdir():
            sync(file)

    def _set_aside(self, file: Path | str, row: int, why: str, text: str) -> None:
        self.reasons[why] += 1
        self._csv.writerow([str(file), row, why, text])

    def _without_copies(self) -> None:
        """Write the records again without those whose id stands on an earlier row."""
        name = ID[self.maker.map.rows]
        with reading(self._file) as connection:
            twice = connection.sql(
                f"SELECT {name} FROM read_parquet(?) GROUP BY 1 HAVING count(*) > 1",
                params=[[str(self._file)]],
            ).to_arrow_table()
        several, seen, row = set(twice[name].to_pylist()), set[str](), 0
        again = self._file.with_name("part-1.parquet")
        with (
            pq.ParquetFile(self._file) as source,
            pq.ParquetWriter(again, source.schema_arrow) as writer,
        ):
            for batch in source.iter_batches():
                keep = []
                for at, one in enumerate(batch.column(name).to_pylist()):
                    keep.append(one not in seen)
                    if one in several and one not in seen:
                        seen.add(one)
                    elif one in several:
                        why = f"{name} is that of an earlier row"
                        self._set_aside("record", row + at, why, one)
                row += len(batch)
                writer.write_batch(batch.filter(pa.array(keep)))
                self.written -= len(keep) - sum(keep)
                self.maker.forget(batch.filter(pa.array([not kept for kept in keep])))
        again.replace(self._file)
