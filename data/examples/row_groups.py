"""The row groups of a folder of examples, and the time that the rows of each are of."""

from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int64

from data.days import DAY_US, date_of, moment_us
from data.errors import BadInput
from data.records import TIMESTAMP
from data.schema_cast import fit, parquet_files


class RowGroup(NamedTuple):
    """One row group, and the time its rows are of, µs since 1970."""

    file: Path
    group: int
    rows: int
    earliest: int
    latest: int

    @property
    def first_day(self) -> date:
        """Day of its first row."""
        return date_of(self.earliest // DAY_US)

    def wholly(self, low: int, high: int) -> bool:
        """Whether all of its rows are of a time: from `low` on, before `high`."""
        return self.earliest >= low and self.latest < high

    def partly(self, low: int, high: int) -> bool:
        """Whether some of its rows may be of a time."""
        return self.latest >= low and self.earliest < high

    def times(self, low: int, high: int) -> Int64[np.ndarray, " rows"]:
        """Times of its rows that are of a time; where all are, the first and the last."""
        if self.wholly(low, high):
            return np.array([self.earliest, self.latest])
        times = _times(self.file, self.group)
        return times[(times >= low) & (times < high)]


def row_groups(folder: Path) -> list[RowGroup]:
    """Every row group of a folder, or of one file, in the files' order.

    Raises:
        BadInput: there is none, or a file is not one of examples.
    """
    files = [folder] if folder.is_file() else parquet_files(folder)
    stats = [(file, file.stat()) for file in files]
    groups = [group for file, s in stats for group in _of_file(file, s.st_mtime_ns, s.st_size)]
    if not groups:
        raise BadInput(f"{folder} holds no examples; python -m data join makes them from a log")
    return groups


def microseconds(
    column: pa.ChunkedArray, file: Path | str = "examples"
) -> Int64[np.ndarray, " rows"]:
    """Times in µs since 1970.

    Raises:
        BadInput: they are no times; `file` is what the message calls their place.
    """
    try:
        return fit(column, TIMESTAMP).cast(pa.int64()).to_numpy()
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError) as error:
        raise BadInput(
            f"{file}, column time: its type {column.type} does not become {TIMESTAMP} "
            f"({str(error).splitlines()[0]}); write it as {TIMESTAMP}"
        ) from None


@lru_cache(maxsize=4096)
def _of_file(file: Path, mtime_ns: int, size: int) -> tuple[RowGroup, ...]:
    """A file's row groups, by what its footer says; kept while the file stays as it is."""
    try:
        with pq.ParquetFile(file) as parquet:
            metadata = parquet.metadata
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{file} is not a whole Parquet file ({error}); take it away") from error
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    if "time" not in names:
        raise BadInput(f"{file} has no column time; examples have one (docs/data.md)")
    column, groups = names.index("time"), []
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        if not rows.num_rows:
            continue
        spread = rows.column(column).statistics
        if spread is not None and spread.has_min_max and isinstance(spread.min, datetime):
            earliest, latest = moment_us(spread.min), moment_us(spread.max)
        else:  # a writer that keeps no statistics: the times themselves are read
            times = _times(file, group)
            earliest, latest = int(times.min()), int(times.max())
        groups.append(RowGroup(file, group, rows.num_rows, earliest, latest))
    return tuple(groups)


def _times(file: Path, group: int) -> Int64[np.ndarray, " rows"]:
    with pq.ParquetFile(file) as parquet:
        return microseconds(parquet.read_row_group(group, columns=["time"])["time"], file)
