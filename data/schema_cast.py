"""A user's Parquet files, and their tables brought to one of the schemas of `data/records.py`."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import BadInput, first_line
from data.lossless_cast import CAST_ERRORS, fit, with_own
from data.problem import Fault, Problem, whole
from data.records import OWN, kind_words, titles_like, told_kind


class UnreadableFile(BadInput):
    """A file whose rows cannot be had; `what` and `remedy` say it without its name."""

    def __init__(
        self, file: Path | str, what: str, remedy: str = "write it again, or take it away"
    ) -> None:
        super().__init__(f"{file} {what}; {remedy}")
        self.what, self.remedy = what, remedy

    def problem(self, file: Path | str) -> Problem:
        """The same as a check names it."""
        return whole("unreadable", file, None, self.what, self.remedy)


def parquet_files(place: Path | str) -> list[Path]:
    """The Parquet files of a folder and the folders in it, or the one file; those committed.

    A name that begins with a dot or an underscore, of a file or of a folder on the way to it, is
    of something hidden or not yet committed (`_temporary`, `.staging`).
    """
    place = Path(place)
    if place.is_file():
        return [place]
    found = (f for f in place.rglob("*.parquet") if f.is_file())
    return sorted(
        f for f in found if not any(p.startswith((".", "_")) for p in f.relative_to(place).parts)
    )


def column_chunk(source: pq.ParquetFile, group: int, column: str) -> pq.ColumnChunkMetaData:
    """What a footer says of a column that is no struct, list or map, in a row group."""
    metadata = source.metadata
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    return metadata.row_group(group).column(names.index(column))


FIRST_DAY, LAST_DAY = (
    day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max)
)
"""Days since 1970-01-01 that Python has a name for."""


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file, until the block ends.

    Raises:
        UnreadableFile: it is not whole, or not Parquet; also for what is found while it is read.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        what = f"is not a whole Parquet file ({first_line(error)})"
        raise UnreadableFile(path, what) from None


def read_table(path: Path) -> pa.Table:
    """One Parquet file as it is.

    Raises:
        UnreadableFile: missing or not a whole Parquet file.
    """
    if not path.is_file():
        raise UnreadableFile(path, "is missing", "docs/data.md says what it holds")
    with opened(path) as file:
        return file.read()


def conform(table: pa.Table, schema: pa.Schema, file: Path | str) -> tuple[pa.Table, list[Problem]]:
    """The columns of `schema` that the table has or that may be null, and what is wrong.

    `data.lossless_cast` says which types become which; optional columns that lack become
    null. A column with a problem of its own is left out, so a table without problems follows the
    schema; its nulls are checked too. Title ids stay of the kind that they are of. A row without a
    propensity was chosen by a rule: it has 1, and its level is unpersonalised.
    """
    schema = titles_like(schema, table.schema)
    problems: list[Problem] = []
    columns: dict[str, pa.Array] = {}
    ruled: pa.Array | None = None
    for field in schema:
        if field.type == OWN:
            try:
                columns[field.name] = with_own(
                    table.columns, table.column_names, schema.names, table.num_rows
                )
            except CAST_ERRORS as error:
                problems.append(whole("wrong type", file, "own", str(error), "rename it"))
            continue
        if field.name not in table.column_names:
            if field.nullable:
                columns[field.name] = pa.nulls(table.num_rows, field.type)
                continue
            others = ", ".join(table.column_names)
            remedy = "add it, or rename yours" + (f": there are {others}" if others else "")
            what = f"the column is missing ({field.type})"
            problems.append(whole("missing column", file, field.name, what, remedy))
            continue
        if table.column_names.count(field.name) > 1:
            what, remedy = "there are several columns of that name", "keep one of them"
            problems.append(whole("repeated column", file, field.name, what, remedy))
            continue
        column = table[field.name]
        try:
            cast = fit(column, field.type)
        except CAST_ERRORS as error:
            said = first_line(error)
            what = f"its type {column.type} does not become {field.type} ({said})"
            remedy = f"write it as {field.type}"
            problems.append(whole("wrong type", file, field.name, what, remedy))
            continue
        if why := damage(cast):
            what, remedy = f"its values are damaged ({why})", "write the file again"
            problems.append(whole("damaged values", file, field.name, what, remedy))
            continue
        if field.name == "propensity" and cast.null_count:
            ruled = cast.is_null()
            cast = cast.fill_null(1.0)
        elif field.name == "level" and ruled is not None:
            cast = pc.if_else(ruled, "unpersonalised", cast)
        columns[field.name] = cast
        if not field.nullable:
            problems += nulls(cast, file, field.name)
    schema = pa.schema([schema.field(name) for name in columns])
    return pa.table(columns, schema=schema), problems


def one_kind(tables: Iterable[tuple[Path | str, pa.Schema]]) -> pa.DataType:
    """The kind of title ids that all of some tables have; int64 where there are none.

    Raises:
        BadInput: two kinds: in one sentence, by both files.
    """
    first: tuple[Path | str, pa.DataType] | None = None
    for file, schema in tables:
        kind = told_kind(schema)
        if kind is None:
            continue
        first = first or (file, kind)
        if kind != first[1]:
            raise BadInput(
                f"{file}: its title ids are {kind_words(kind)}, and those of {first[0]} "
                f"{kind_words(first[1])}; write the column title_id of both as the catalogue has it"
            )
    return first[1] if first else pa.int64()


def damage(values: pa.Array | pa.Table) -> str | None:
    """What no reader could make out, such as text that is not UTF-8; None: there is nothing."""
    try:
        values.validate(full=True)
    except pa.ArrowException as error:
        return first_line(error)
    if isinstance(values, pa.Array) and pa.types.is_date32(values.type):
        days = values.cast(pa.int32()).drop_null().to_numpy()
        if len(days) and not FIRST_DAY <= days.min() <= days.max() <= LAST_DAY:
            return "a date lies outside the years 1 to 9999"
    return None


def nulls(column: pa.Array, file: Path | str, name: str) -> Iterator[Problem]:
    """Rows without a value where every row needs one; a list needs each of its values."""
    if column.null_count:
        fault = Fault("null", name, "every row needs a value")
        missing = column.is_null().to_numpy(zero_copy_only=False)
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
