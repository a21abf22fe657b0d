"""`python -m data import`: files of any layout to the public records, by a map."""

import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from rich.console import Console

from data.atomic_write import added_files, replaced_folder
from data.catalogue import Catalogue
from data.errors import BadInput
from data.importers.mapping.names import CatalogueNames
from data.importers.mapping.own_facts import declared_kinds
from data.importers.mapping.propose import propose_map
from data.importers.mapping.raw_rows import RawRows
from data.importers.mapping.read_map import read_map
from data.importers.mapping.records import FOLDERS, RecordMaker
from data.importers.mapping.row_files import read_rows
from data.importers.record_writer import LogBefore, RecordWriter
from data.schema import read_schema
from data.schema_cast import parquet_files

ID = {"impressions": "decision_id", "decisions": "decision_id", "events": "event_id"}
CHOICE = ("time", "profile_id", "title_id", "action")
ALIKE = {
    "impressions": CHOICE,
    "decisions": CHOICE,
    "events": ("time", "kind", "profile_id", "title_id", "artwork_id", "decision_id"),
}
"""By what a row is known again where files give it no id of its own."""


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
    """Reason → rows."""
    doubts: list[str]
    set_aside_rows: str | None = None
    """The file that holds them, beside the records; None: no row was set aside."""


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
    append: bool = False,
    force: bool = False,
) -> Imported | Proposed:
    """Bring CSV, JSON lines, Parquet or Delta tables of any layout to Marquee's records.

    Args:
        files: or folders of Parquet; all of one layout.
        map: YAML that says which column is what; docs/import.md has its keys.
        out: log folder, which gets examples/, decisions/ or events/ by what the map says a row is.
        catalogue: folder of titles.parquet and artworks.parquet that the rows refer to.
        propose: write a first map to --map, from the files' columns, and import nothing; with
            --catalogue columns of titles and artworks are known by what they hold.
        append: add to the records that --out holds; rows that it has already are set aside.
        force: write over what is there.
    """
    places = [Path(file) for file in files]
    if not places:
        raise BadInput("name the files to import")
    if propose:
        known = None if catalogue is None else CatalogueNames(Catalogue.read(catalogue))
        return Proposed(str(map), propose_map(places, map, known, force=force))
    if not map.is_file():
        raise BadInput(f"there is no map {map}; `python -m data import --propose FILE` writes one")
    if out is None or catalogue is None:
        lacking = "--out: the folder of the log" if out is None else "--catalogue: its folder"
        raise BadInput(f"an import needs {lacking}")
    names = CatalogueNames(Catalogue.read(catalogue))
    kinds = read_schema(catalogue).outcomes.kinds
    maker = RecordMaker(read_map(map, declared_kinds(catalogue)), names, kinds)
    kind = maker.map.rows
    folder = out / FOLDERS[kind]
    before = _before(folder, append, force)
    own = ID[kind] in maker.map.keys
    log = LogBefore(before, maker.schema, () if own else ALIKE[kind])
    with (added_files if before else replaced_folder)(folder) as part:
        with (
            closing(RecordWriter(part, maker.schema, ID[kind], len(before))) as writer,
            Console(stderr=True).status("reading") as status,
        ):
            for place in places:
                for raw in read_rows(place, maker.map.reads(), maker.map.csv):
                    _add(raw, maker, writer)
                    status.update(f"{writer.rows:,} rows, {raw.file.name}")
            maker.forget(writer.finish(log))
        if not (before and writer.rows):
            writer.refuse_nothing(places[0], f"mend the file or {map}")
    doubt = maker.evenness.doubt(maker.names)
    reasons = dict(writer.reasons.most_common())
    return Imported(
        *(str(folder), kind, writer.rows, writer.written, maker.drawn, reasons),
        [] if doubt is None else [doubt],
        str(folder / writer.aside) if reasons else None,
    )


def _before(folder: Path, append: bool, force: bool) -> list[Path]:
    """The files that an import adds to; none where it makes the folder, or writes over it."""
    if append and force:
        raise BadInput("--append adds to the records and --force writes over them; give one")
    if not folder.exists() or not any(folder.iterdir()):
        return []
    if not (append or force):
        raise BadInput(
            f"{folder} holds records already; --append adds to them, --force writes over them, or "
            "give another --out"
        )
    return parquet_files(folder) if append else []


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
    if record.set_aside_rows:
        print(f"set aside rows: {record.set_aside_rows}")
    for doubt in record.doubts:
        print(f"doubt: {doubt}", file=sys.stderr)


def _add(raw: RawRows, maker: RecordMaker, writer: RecordWriter) -> None:
    """Write some rows, and set aside those that do not become records."""
    for row in raw.broken:
        writer.set_aside(raw.file, *row)
    if not len(raw.table):
        return
    table, rows = maker(raw)
    wrong, numbers = np.flatnonzero(~rows.good), raw.numbers()
    held = raw.table.take(pa.array(wrong)).to_pylist()
    for at, values in zip(wrong.tolist(), held, strict=True):
        text = orjson.dumps(values, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        writer.set_aside(raw.file, int(numbers[at]), rows.reasons[rows.code[at]], text)
    writer.write(table)
