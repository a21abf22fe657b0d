"""Joined examples of a file, a folder, or a log that is joined for this one time."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from data.catalogue import Catalogue
from data.errors import BadInput
from data.join.join import join
from data.reading.conformed_files import conformed_dataset
from data.reading.sql_rows import rows_where
from data.records import DECISIONS, EXAMPLES, KIND_COLUMNS, PAGE_COLUMNS, WITH_METRICS
from data.schema_cast import opened, parquet_files
from evaluate.policies.logged_examples import NEEDED

WITH_PROBABILITIES = EXAMPLES.append(DECISIONS.field("probabilities"))
"""Examples of others may say how likely each candidate was."""


def read_examples(
    log: Path | str,
    catalogue: Catalogue,
    since: str | None = None,
    until: str | None = None,
    where: str | None = None,
) -> pa.Table:
    """Examples of a folder, or of a log that is joined now.

    Args:
        log: a folder or file of joined examples; or a log folder, which holds them in `examples/`
            or is joined for this one time.
        catalogue: whose runtimes a join needs.
        since: date or time from which on decisions count.
        until: date or time from which on they count no longer.
        where: SQL over the columns of examples that a row must hold for.

    Raises:
        BadInput: no examples there, or not of the public format, or none that was asked for.
    """
    log = Path(log)
    start, end = _moment(since, "--since"), _moment(until, "--until")
    if (log / "examples").is_dir():
        return rows_where(_read(log / "examples", start, end), where)
    if not (log / "decisions").is_dir():
        return rows_where(_read(log, start, end), where)
    with TemporaryDirectory(prefix="examples.") as folder:
        join(log, catalogue.root, folder)
        return rows_where(_read(Path(folder), start, end), where)


def first_moment(examples: pa.Table) -> str:
    """When the first of some examples was decided, as `--since` takes it."""
    first = pc.call_function("min", [examples["time"]]).as_py()
    return first.isoformat().replace("+00:00", "Z")


def _read(path: Path, start: datetime | None, end: datetime | None) -> pa.Table:
    files = parquet_files(path)
    if not files:
        raise BadInput(
            f"{path}: no Parquet files of joined examples there; give a folder that "
            "`python -m data join` wrote, or a log with decisions/ and events/"
        )
    names = [set(_columns(file)) for file in files]
    for file, there in zip(files, names, strict=True):
        if missing := [name for name in NEEDED if name not in there]:
            raise BadInput(
                f"{file}: no column {missing[0]}, so these are no joined examples; give a folder "
                "that `python -m data join` wrote"
            )
    schema = _schema(names)
    data = conformed_dataset(files, schema)
    wanted: pc.Expression | None = None
    for moment, later in ((start, True), (end, False)):
        if moment is not None:
            one = ds.field("time") >= moment if later else ds.field("time") < moment
            wanted = one if wanted is None else wanted & one
    table = data.to_table(filter=wanted)
    if not table.num_rows:
        raise BadInput(f"{path}: no example in the time that was asked for; widen it")
    return table


def _schema(files: list[set[str]]) -> pa.Schema:
    """What files of these columns are read as: an estimate needs fewer than EXAMPLES has."""
    there = set().union(*files)
    schema = WITH_PROBABILITIES if "probabilities" in there else EXAMPLES
    if "metrics" in there:
        schema = schema.append(WITH_METRICS.field("metrics"))
    for key, columns in (("page_id", PAGE_COLUMNS), ("kinds", KIND_COLUMNS)):
        if key in there:
            schema = pa.schema([*schema, *columns])
    if all(field.nullable or field.name in file for field in EXAMPLES for file in files):
        return schema
    fields = (field for field in schema if field.name in there)
    return pa.schema([f if f.name in NEEDED else f.with_nullable(True) for f in fields])


def _columns(path: Path) -> list[str]:
    with opened(path) as file:
        return file.schema_arrow.names


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is no date; write it as 2026-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
