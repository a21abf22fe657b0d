"""A user's table, brought to one of the schemas of `data/records.py`."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import BadInput
from data.problem import Fault, Problem, whole


def read_table(path: Path) -> pa.Table:
    """One Parquet file as it is.

    Raises:
        BadInput: missing or not a whole Parquet file.
    """
    if not path.is_file():
        raise BadInput(f"{path} is missing; docs/data.md says what it holds")
    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} is not a readable Parquet file ({error}); write it again") from None


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder and the folders in it, but for hidden and unfinished ones."""
    files = (f for f in folder.rglob("*.parquet") if not f.name.startswith((".", "_")))
    return sorted(f for f in files if ".staging" not in f.parts)


def conform(table: pa.Table, schema: pa.Schema, file: Path | str) -> tuple[pa.Table, list[Problem]]:
    """The columns of `schema` that the table has or that may be null, and what is wrong.

    Types that lose nothing are cast (int32 → int64, dictionary → string, naive time → UTC);
    optional columns that lack become null. A column with a problem of its own is left out, so a
    table without problems follows the schema; its nulls are checked too.
    """
    problems: list[Problem] = []
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    for field in schema:
        if field.name not in table.column_names:
            if field.nullable:
                columns[field.name] = pa.nulls(table.num_rows, field.type)
                continue
            remedy = f"add it, or rename yours: there are {', '.join(table.column_names) or 'none'}"
            what = f"the column is missing ({field.type})"
            problems.append(whole("missing column", file, field.name, what, remedy))
            continue
        column = table[field.name]
        try:
            cast = fit(column, field.type)
        except (pa.ArrowException, ValueError, TypeError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            what = f"its type {column.type} does not become {field.type} ({reason})"
            remedy = f"write it as {field.type}"
            problems.append(whole("wrong type", file, field.name, what, remedy))
            continue
        columns[field.name] = cast
        if not field.nullable:
            problems += nulls(cast, file, field.name)
    schema = pa.schema([schema.field(name) for name in columns])
    return pa.table(columns, schema=schema), problems


def fit(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column cast without loss; structs field by field, so that facts may lack some."""
    if column.type == kind:
        return column
    if not pa.types.is_struct(kind):
        return column.cast(kind)
    if not pa.types.is_struct(column.type):
        raise TypeError(f"a struct is needed, with any of {', '.join(f.name for f in kind)}")
    struct = column.combine_chunks()
    names = {column.type.field(i).name for i in range(column.type.num_fields)}
    fields = [
        fit(pa.chunked_array([struct.field(f.name)]), f.type).combine_chunks()
        if f.name in names
        else pa.nulls(len(struct), f.type)
        for f in kind
    ]
    mask = struct.is_null() if struct.null_count else None
    return pa.chunked_array([pa.StructArray.from_arrays(fields, fields=list(kind), mask=mask)])


def nulls(column: pa.ChunkedArray | pa.Array, file: Path | str, name: str) -> Iterator[Problem]:
    """Rows without a value where every row needs one."""
    if column.null_count:
        missing = (
            column.is_null().to_numpy(zero_copy_only=False)
            if isinstance(column, pa.Array)
            else column.is_null().to_numpy()
        )
        fault = Fault("null", name, "every row needs a value")
        yield from fault.in_rows(file, missing, lambda _: "null")


def refuse(problems: list[Problem]) -> None:
    """Raise for the first problem, with the count of the others.

    Raises:
        BadInput: there is a problem.
    """
    if problems:
        more = len(problems) - 1
        rest = f"; and {more} more problem{'s' * (more > 1)}: see `python -m data check`"
        raise BadInput(f"{problems[0]}{rest if more else ''}")
