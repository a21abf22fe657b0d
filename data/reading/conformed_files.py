"""Files that follow a schema exactly, for engines that read Parquet by themselves.

DuckDB, Spark and Arrow's datasets each have ideas of their own about zones, units and types that
are not quite the schema's. None of them is asked: a file that follows the schema to the letter, as
all that Marquee writes does, is read where it lies, and of any other they read a copy, which
`data.schema_cast.conform` made. Names are patterns or addresses to them, so a file whose name could
be one (`a[1].parquet`, `09:00.parquet`) is read through a link of a plain name.
"""

import atexit
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data.atomic_write import whole_file
from data.errors import BadInput
from data.records import OWN, titles_as, titles_like
from data.schema_cast import conform, one_kind, opened, refuse

ROWS = 65_536
"""Rows conformed at once."""
PLAIN = re.compile(r"[\w./+=@,-]+", re.ASCII)
"""Paths that mean the same to everybody."""


def conformed_files(
    files: Iterable[Path], schema: pa.Schema, scratch: Path | None = None
) -> list[Path]:
    """For each file one of the same rows that follows the schema exactly.

    Args:
        files: Parquet.
        schema: of `data.records`.
        scratch: folder for copies; one that goes when the process ends if None.

    Raises:
        BadInput: a file is not whole, or does not become the schema: by file, column and row; or
            their title ids are not all of one kind.
    """
    return _conformed(list(files), schema, scratch)[0]


def conformed_dataset(files: Iterable[Path], schema: pa.Schema) -> ds.Dataset:
    """The rows of some files in a schema, with title ids of the kind that the files have.

    Raises:
        BadInput: as `conformed_files`.
    """
    places, kind = _conformed(list(files), schema, None)
    return ds.dataset(places, schema=titles_as(schema, kind), format="parquet")


def _conformed(
    files: list[Path], schema: pa.Schema, scratch: Path | None
) -> tuple[list[Path], pa.DataType]:
    kind = pa.int64()
    if "title_id" in schema.names:
        kind = one_kind((file, file_schema(file)) for file in files)
        schema = titles_as(schema, kind)
    return [conformed_file(file, schema, scratch) for file in files], kind


def file_schema(file: Path) -> pa.Schema:
    """A file's columns, by its footer."""
    with opened(file) as source:
        return source.schema_arrow


def conformed_file(file: Path, schema: pa.Schema, scratch: Path | None = None) -> Path:
    """The file itself if it follows the schema exactly, else a copy that does; see above."""
    with opened(file) as source:
        schema = titles_like(schema, source.schema_arrow)
        follows = _follows(source, schema)
    if follows and PLAIN.fullmatch(str(file)):
        return file
    status = file.stat()
    mark = f"{file.resolve()}/{status.st_size}/{status.st_mtime_ns}/{schema}"
    folder = _until_the_process_ends()
    if scratch is not None and PLAIN.fullmatch(str(scratch)):
        folder = scratch
    copy = folder / f"conformed-{hashlib.blake2b(mark.encode(), digest_size=12).hexdigest()}"
    if follows:
        with suppress(FileExistsError):
            copy.symlink_to(file.resolve())
    elif not copy.is_file():
        with whole_file(copy) as part:
            _copy(file, part, schema)
    return copy


def conformed_table(file: Path, schema: pa.Schema) -> pa.Table:
    """A file's rows in a schema.

    Raises:
        BadInput: it is not whole, or does not become the schema: by file, column and row.
    """
    with opened(file) as source:
        rows = source.read(columns=_columns(source, schema))
    table, problems = conform(rows, schema, file)
    refuse(problems)
    return table


def _follows(source: pq.ParquetFile, schema: pa.Schema) -> bool:
    """Whether a file has each column of a schema to the letter; others must not pass for one."""
    own = source.schema_arrow
    alike = [name.lower() for name in own.names]
    return all(
        alike.count(field.name.lower()) == 1
        and field.name in own.names
        and own.field(field.name).type.equals(field.type)
        and (field.nullable or not own.field(field.name).nullable or _full(source, field.name))
        for field in schema
    )


def _full(source: pq.ParquetFile, column: str) -> bool:
    """Whether the footer says that a column has no null: one of its leaves has none."""
    metadata = source.metadata
    paths = [metadata.schema.column(at).path for at in range(metadata.num_columns)]
    leaves = [at for at, path in enumerate(paths) if path.split(".")[0] == column]
    return any(
        all(
            (told := metadata.row_group(group).column(leaf).statistics) is not None
            and told.has_null_count
            and not told.null_count
            for group in range(metadata.num_row_groups)
        )
        for leaf in leaves
    )


def _copy(file: Path, part: Path, schema: pa.Schema) -> None:
    with opened(file) as source, pq.ParquetWriter(part, schema) as writer:
        for batch in source.iter_batches(ROWS, columns=_columns(source, schema)):
            table, problems = conform(pa.Table.from_batches([batch]), schema, file)
            if problems:
                conformed_table(file, schema)  # which row of the file it is
                raise BadInput(str(problems[0]))
            writer.write_table(table)


def _columns(source: pq.ParquetFile, schema: pa.Schema) -> list[str]:
    """Those of the schema that a file has, or all where the schema holds what is a user's own.

    Arrow takes columns that a file lacks for a wish to have none.
    """
    every = dict.fromkeys(source.schema_arrow.names)
    holds_own = any(field.type == OWN for field in schema)
    return [name for name in every if holds_own or name in schema.names]


@cache
def _until_the_process_ends() -> Path:
    """A folder of the process, removed with it."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-reading-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
