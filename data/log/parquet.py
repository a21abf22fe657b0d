"""The log at rest: `LOG/decisions/day=YYYY-MM-DD/*.parquet` and the same for events."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import sync, whole_file
from data.days import DAY_US, date_of
from data.log.records import FILED_UNDER, IDS, SCHEMAS, schema_with
from data.records import titles_like


def append_table(log_dir: Path | str, kind: str, table: pa.Table, name: str) -> list[Path]:
    """Write a table of decisions or events as one file a day, durable when this returns.

    Files appear whole, by a rename. The name makes it idempotent: writing the same table under
    the same name again replaces the same files. Records with an id that the table already had
    are written once.

    Raises:
        ValueError: the table does not fit the schema of its kind.
    """
    try:
        schema = schema_with(kind, table.column_names)
        table = table.select(schema.names)
        table = table.cast(titles_like(schema, table.schema))
    except (KeyError, pa.ArrowInvalid) as error:
        raise ValueError(f"the table does not hold {kind}: {error}") from error
    first = first_of_each(table[IDS[kind]])
    if len(first) < len(table):
        table = table.take(first)
    days = table[FILED_UNDER[kind]].cast(pa.int64()).to_numpy() // DAY_US
    written, different = [], np.unique(days)
    for day in different:
        rows = table if len(different) == 1 else table.filter(pa.array(days == day))
        folder = Path(log_dir) / kind / f"day={date_of(int(day))}"
        folder.mkdir(parents=True, exist_ok=True)
        written.append(write_whole(rows, folder / f"{name}.parquet"))
    return written


def first_of_each(ids: pa.ChunkedArray) -> pa.Array:
    """Positions of the first record of each id, in order."""
    table = pa.table({"id": ids, "at": pa.array(np.arange(len(ids)))})
    return table.group_by("id").aggregate([("at", "min")])["at_min"].combine_chunks().sort()


def write_whole(table: pa.Table, path: Path) -> Path:
    """Write a Parquet file that is there whole and on disk, or not there."""
    with whole_file(path) as part:
        pq.write_table(table, part, compression="zstd")
    sync(path.parent.parent)
    return path


def retire(log_dir: Path | str, keep_days: int, today: date) -> list[str]:
    """Remove day folders that lie `keep_days` or more before `today`; their names.

    Decisions and events of a day go together, so no example is made from half of a day.

    Raises:
        ValueError: `keep_days` is not positive.
    """
    if keep_days < 1:
        raise ValueError(f"keep_days is {keep_days}; a log keeps at least 1 day")
    gone = []
    for kind in SCHEMAS:
        for folder in sorted((Path(log_dir) / kind).glob("day=*")):
            day = date.fromisoformat(folder.name.removeprefix("day="))
            if day <= today - timedelta(days=keep_days):
                shutil.rmtree(folder)
                gone.append(f"{kind}/{folder.name}")
    return gone
