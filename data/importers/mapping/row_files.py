"""Rows of CSV, JSON lines, Parquet and Delta tables, batch by batch, as they lie in the file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.csv as csv

from data.errors import BadInput, first_line
from data.importers.mapping.json_rows import read_json
from data.importers.mapping.raw_rows import (
    ROWS,
    BrokenRow,
    CsvLayout,
    RawRows,
    byte_stream,
    refuse_missing,
)
from data.lossless_cast import plain
from data.schema_cast import opened, parquet_files

BLOCK = 4 << 20
"""Bytes of CSV read at once."""
DELIMITERS = (",", ";", "\t", "|")
KINDS = {
    "csv": ("csv", "tsv", "txt"),
    "json": ("json", "jsonl", "ndjson", "dsjson"),
    "parquet": ("parquet", "pq"),
}
"""Kind of a file → how its name ends, before .gz."""


def read_rows(
    place: Path, columns: Iterable[str] | None = None, layout: CsvLayout | None = None
) -> Iterator[RawRows]:
    """The rows of a file, or of a folder of Parquet or a Delta table; in memory that is bounded.

    A CSV's values are texts, null where empty. Of JSON lines, and of structs in Parquet, what lies
    inside is named by a path: `user.country`.

    Args:
        place: file or folder.
        columns: names or paths of the columns to read; all of the top if None.
        layout: of a CSV.

    Raises:
        BadInput: no such file, of no known kind, or it has not a column.
    """
    if place.is_dir():
        files = _delta(place) if (place / "_delta_log").is_dir() else parquet_files(place)
        if not files:
            raise BadInput(f"{place} holds no Parquet files; name CSV and JSON files one by one")
        for file in files:
            yield from _parquet(file, columns)
        return
    kind = kind_of_file(place)
    if kind == "json":
        yield from read_json(place, columns)
    elif kind == "csv":
        yield from _csv(place, columns, layout or CsvLayout())
    else:
        yield from _parquet(place, columns)


def kind_of_file(file: Path) -> str:
    """csv, json or parquet, by the name.

    Raises:
        BadInput: not there, or another kind.
    """
    if not file.is_file():
        raise BadInput(f"there is no file {file}; name CSV, JSON lines or Parquet")
    ending = file.name.lower().removesuffix(".gz").rpartition(".")[2]
    for kind, endings in KINDS.items():
        if ending in endings:
            return kind
    known = ", ".join(f".{one}" for endings in KINDS.values() for one in endings)
    raise BadInput(f"{file}: its name does not say what it is; let it end in one of {known}")


def _csv(file: Path, columns: Iterable[str] | None, layout: CsvLayout) -> Iterator[RawRows]:
    header, delimiter = _header(file, layout)
    wanted = list(header) if columns is None else list(dict.fromkeys(columns))
    refuse_missing(file, wanted, header)
    broken: list[BrokenRow] = []

    def set_aside(row: csv.InvalidRow) -> str:
        what = f"the line has {row.actual_columns} values, the header {row.expected_columns}"
        broken.append(BrokenRow((row.number or 2) - 2, what, row.text))
        return "skip"

    reading = csv.ReadOptions(
        use_threads=False,
        block_size=BLOCK,
        column_names=header,
        skip_rows=1,
        encoding=layout.encoding,
    )
    parsing = csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
    )
    converting = csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        include_columns=wanted,
        null_values=list(layout.nulls),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    first, told = 0, 0
    try:
        with csv.open_csv(file, reading, parsing, converting) as reader:
            for batch in reader:
                new, told = broken[told:], len(broken)
                yield RawRows(file, first, pa.Table.from_batches([batch]), new)
                first += len(batch) + len(new)
    except (pa.ArrowException, OSError) as error:
        words = f"{file}: {first_line(error)}; mend it"
        raise BadInput(f"{words}, or give csv.delimiter or csv.encoding in the map") from None


def _header(file: Path, layout: CsvLayout) -> tuple[list[str], str]:
    """Names of the columns, and the delimiter."""
    try:
        with byte_stream(file) as stream:
            line = stream.readline(1 << 20).decode(_python_encoding(layout)).lstrip("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        words = f"{file} is not in {layout.encoding} ({error!s:.100})"
        raise BadInput(f"{words}; give csv.encoding in the map, such as latin-1") from None
    if not line.strip():
        raise BadInput(f"{file} has no header; give its first line the names of the columns")
    delimiter = layout.delimiter or max(DELIMITERS, key=line.count)
    options = csv.ParseOptions(delimiter=delimiter)
    read = csv.read_csv(pa.BufferReader(f"{line.strip()}\n".encode()), parse_options=options)
    names = [name.strip() for name in read.column_names]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"{file}: two columns are called {twice[0]!r}; rename one")
    return names, delimiter


def _python_encoding(layout: CsvLayout) -> str:
    return "utf-8" if layout.encoding == "utf8" else layout.encoding


def _parquet(file: Path, columns: Iterable[str] | None) -> Iterator[RawRows]:
    with opened(file) as source:
        there = source.schema_arrow.names
        wanted = there if columns is None else list(dict.fromkeys(columns))
        tops = [name if name in there else name.split(".")[0] for name in wanted]
        refuse_missing(file, tops, there)
        first = 0
        for batch in source.iter_batches(ROWS, columns=list(dict.fromkeys(tops))):
            read = {
                name: _at(plain(batch.column(top)), top, name, file)
                for name, top in zip(wanted, tops, strict=True)
            }
            table = pa.table(read) if read else pa.table({"": pa.nulls(len(batch))})
            yield RawRows(file, first, table)
            first += len(batch)


def _at(array: pa.Array, top: str, path: str, file: Path) -> pa.Array:
    for name in path.removeprefix(top).split(".")[1:]:
        if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
            raise BadInput(f"{file} has no {path!r}: {array.type} has no {name!r}; see the map")
        [array] = [a for n, a in zip(_names(array), _flat(array), strict=True) if n == name]
    return array


def _names(array: pa.Array) -> list[str]:
    return [array.type.field(at).name for at in range(array.type.num_fields)]


def _flat(array: pa.Array) -> list[pa.Array]:
    """The fields of a struct, null where it is null."""
    return [plain(one) for one in cast("pa.StructArray", array).flatten()]


def _delta(folder: Path) -> list[Path]:
    """The files of a Delta table's newest version; others in its folder are of older ones."""
    try:
        from deltalake import DeltaTable  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise BadInput(
            f"{folder} is a Delta table; install deltalake (pip install deltalake) to read it"
        ) from None
    table = DeltaTable(str(folder))
    return [Path(unquote(uri.removeprefix("file://"))) for uri in table.file_uris()]
