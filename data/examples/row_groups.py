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
from data.reading.conformed_files import conformed_file
from data.records import EXAMPLES
from data.schema_cast import column_chunk, opened, parquet_files
from data.sound import believed_span


class RowGroup(NamedTuple):
    """One row group, and the time its rows are of, µs since 1970."""

    file: Path
    """As it was given; what messages name."""
    place: Path
    """Where its rows lie as EXAMPLES."""
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
        times = _times(self.place, self.group)
        return times[(times >= low) & (times < high)]


def row_groups(folder: Path) -> list[RowGroup]:
    """Every row group of a folder, or of one file, in the files' order.

    Raises:
        BadInput: there is none, or a file is not one of examples.
    """
    files = parquet_files(folder)
    stats = [(file, file.stat()) for file in files]
    groups = [group for file, s in stats for group in _of_file(file, s.st_mtime_ns, s.st_size)]
    if not groups:
        raise BadInput(
            f"{folder} holds no examples; `python -m data join` makes them of a log, and where it"
            " made none, its nothing_because says why"
        )
    return groups


def microseconds(column: pa.ChunkedArray) -> Int64[np.ndarray, " rows"]:
    """Times of EXAMPLES in µs since 1970."""
    return column.cast(pa.int64()).to_numpy()


@lru_cache(maxsize=4096)
def _of_file(file: Path, mtime_ns: int, size: int) -> tuple[RowGroup, ...]:
    """A file's row groups, by what its footer says; kept while the file stays as it is.

    Raises:
        BadInput: the file is not one of examples, or of a time that cannot be.
    """
    place = conformed_file(file, EXAMPLES)
    with opened(place) as parquet:
        every = [
            (group, column_chunk(parquet, group, "time")) for group in range(parquet.num_row_groups)
        ]
    first, stop = believed_span()
    groups = []
    for group, column in every:
        rows = column.num_values
        if not rows:
            continue
        earliest, latest = _ends(column.statistics) or _ends_of(_times(place, group))
        if earliest < first or latest >= stop:
            raise BadInput(
                f"{file}, column time: a row is of a time before 2000 or after now, which no "
                "decision is; `python -m data check` names it, and mend or drop it"
            )
        groups.append(RowGroup(file, place, group, rows, earliest, latest))
    return tuple(groups)


def _ends(spread: pq.Statistics | None) -> tuple[int, int] | None:
    """First and last time, µs, by a footer; None: its writer kept none, or none that can be."""
    if spread is None or not spread.has_min_max:
        return None
    try:
        first, last = spread.min, spread.max
    except (OverflowError, ValueError):  # of years that no calendar has
        return None
    if not (isinstance(first, datetime) and isinstance(last, datetime)):
        return None
    return moment_us(first), moment_us(last)


def _ends_of(times: Int64[np.ndarray, " rows"]) -> tuple[int, int]:
    return int(times.min()), int(times.max())


def _times(place: Path, group: int) -> Int64[np.ndarray, " rows"]:
    with opened(place) as parquet:
        return microseconds(parquet.read_row_group(group, columns=["time"])["time"])
