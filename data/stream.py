"""Examples as a stream of batches: shuffled by a buffer, in memory that does not grow with them.

Row groups come in random order; their rows pass through a buffer that is shuffled whenever it is
full and then gives half of itself away. Row groups that lie outside the days asked for are never
read, so a day's increment costs what the day costs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float32

from data.errors import BadInput

READ_ROWS = 8192
"""Rows decoded at a time."""
DAY_US = 86_400_000_000
EPOCH = date(1970, 1, 1)


class Piece(NamedTuple):
    """One row group, and the days its rows are of."""

    file: Path
    group: int
    rows: int
    first: date
    last: date


class Weighted(NamedTuple):
    """A batch of examples and how much each counts."""

    examples: pa.Table
    weights: Float32[np.ndarray, " examples"]


@dataclass(frozen=True)
class ExampleStream:
    """What to read of a folder of examples, and how.

    Raises:
        BadInput: no such examples, or options that make no sense.
    """

    folder: Path
    size: int = 1024
    """Examples in a batch."""
    buffer: int = 65_536
    """Examples that are shuffled together; each costs about a kilobyte."""
    seed: int | None = None
    """Of the order; None: as they lie in the files."""
    first_day: date | None = None
    """Of the decisions; None: the first there is."""
    last_day: date | None = None
    """None: the last there is."""
    window_days: int | None = None
    """Only so many days, up to the last; None: all."""
    decay: float = 1.0
    """Weight of a day's examples relative to those of the day after it."""
    columns: tuple[str, ...] | None = None
    """Columns to read beside `time`; None: all."""
    rank: int = 0
    """Of the process that reads: a batch is dealt out to `ranks` processes, row by row."""
    ranks: int = 1

    def __post_init__(self) -> None:
        if self.size < 1 or self.buffer < 1:
            raise BadInput(f"batches of {self.size} from a buffer of {self.buffer}: use 1 or more")
        if self.window_days is not None and self.window_days < 1:
            raise BadInput(f"a window of {self.window_days} days holds nothing; give at least 1")
        if not 0 < self.decay <= 1:
            raise BadInput(f"decay is {self.decay}; it is a factor a day, above 0 and at most 1")
        if not 0 <= self.rank < self.ranks:
            raise BadInput(f"rank {self.rank} of {self.ranks}: ranks go from 0 to {self.ranks - 1}")

    def pieces(self) -> list[Piece]:
        """The row groups that hold rows of the days asked for, in the files' order.

        Raises:
            BadInput: there is no such example.
        """
        folder = Path(self.folder)
        files = sorted(f for f in folder.rglob("*.parquet") if not f.name.startswith((".", "_")))
        found = [piece for file in files for piece in _pieces(file)]
        if not found:
            raise BadInput(f"{folder} holds no examples; python -m data join makes them from a log")
        last = self.last_day or max(piece.last for piece in found)
        first = self.first_day or min(piece.first for piece in found)
        if self.window_days is not None:
            first = max(first, last - timedelta(days=self.window_days - 1))
        kept = [piece for piece in found if piece.first <= last and piece.last >= first]
        if not kept:
            raise BadInput(f"{folder} holds no examples of the days from {first} to {last}")
        return kept

    def days(self) -> tuple[date, date]:
        """The first and the last day that rows are given of."""
        pieces = self.pieces()
        last = min(self.last_day or date.max, max(piece.last for piece in pieces))
        first = max(self.first_day or date.min, min(piece.first for piece in pieces))
        if self.window_days is not None:
            until = self.last_day or last
            first = max(first, until - timedelta(days=self.window_days - 1))
        return first, last

    def most(self) -> int:
        """Rows of all pieces: the examples there are, or a few more where days share pieces."""
        return sum(piece.rows for piece in self.pieces())

    def batches(self, epoch: int = 0) -> Iterator[Weighted]:
        """Every example once, in an order that follows from the seed and the epoch.

        Args:
            epoch: another epoch, another order.
        """
        first, last = self.days()
        rng = None if self.seed is None else np.random.default_rng([self.seed, epoch])
        waiting: list[pa.Table] = []
        held = 0
        for rows in self._rows(first, last, rng):
            waiting.append(rows)
            held += rows.num_rows
            if held >= self.buffer + self.size:
                pool = _shuffled(pa.concat_tables(waiting), rng)
                # In file order all may go; of a shuffled buffer half stays to meet what comes.
                give = held if rng is None else held - self.buffer // 2
                give -= give % self.size
                for start in range(0, give, self.size):
                    yield self._weighted(pool.slice(start, self.size), last)
                rest = pool.slice(give)
                waiting, held = [_copied(rest)], rest.num_rows
        if held:
            pool = _shuffled(pa.concat_tables(waiting), rng)
            for start in range(0, held, self.size):
                yield self._weighted(pool.slice(start, self.size), last)

    def _rows(self, first: date, last: date, rng: np.random.Generator | None) -> Iterator[pa.Table]:
        pieces = self.pieces()
        if rng is not None:
            pieces = [pieces[at] for at in rng.permutation(len(pieces))]
        columns = None if self.columns is None else list(dict.fromkeys((*self.columns, "time")))
        low, high = (_timestamp(day) for day in (first, last + timedelta(days=1)))
        for piece in pieces:
            with pq.ParquetFile(piece.file) as file:
                for batch in file.iter_batches(READ_ROWS, [piece.group], columns=columns):
                    rows = pa.Table.from_batches([batch])
                    if piece.first < first or piece.last > last:
                        time = rows["time"]
                        inside = pc.and_(pc.greater_equal(time, low), pc.less(time, high))  # pyright: ignore[reportAttributeAccessIssue]
                        rows = rows.filter(inside)
                    if rows.num_rows:
                        yield rows

    def _weighted(self, rows: pa.Table, last: date) -> Weighted:
        if self.ranks > 1:
            rows = rows.take(pa.array(np.arange(self.rank, rows.num_rows, self.ranks)))
        if self.decay == 1:
            return Weighted(rows, np.ones(rows.num_rows, np.float32))
        days = rows["time"].cast(pa.int64()).to_numpy() // DAY_US
        age = (last - EPOCH).days - days
        return Weighted(rows, (self.decay**age).astype(np.float32))


def _pieces(file: Path) -> list[Piece]:
    """A file's row groups, by what its footer says."""
    try:
        with pq.ParquetFile(file) as parquet:
            metadata = parquet.metadata
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{file} is not a whole Parquet file ({error}); take it away") from error
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    if "time" not in names:
        raise BadInput(f"{file} has no column time; examples have one (docs/data.md)")
    column, found = names.index("time"), []
    for group in range(metadata.num_row_groups):
        rows, statistics = metadata.row_group(group), metadata.row_group(group).column(column)
        if not rows.num_rows:
            continue
        spread = statistics.statistics
        if spread is None or not spread.has_min_max:
            raise BadInput(f"{file} has no statistics of time; write it with them, as pyarrow does")
        found.append(Piece(file, group, rows.num_rows, _utc_day(spread.min), _utc_day(spread.max)))
    return found


def _utc_day(moment: datetime) -> date:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _timestamp(day: date) -> pa.Scalar:
    return pa.scalar((day - EPOCH).days * DAY_US, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _shuffled(rows: pa.Table, rng: np.random.Generator | None) -> pa.Table:
    rows = rows.combine_chunks()
    return rows if rng is None else rows.take(pa.array(rng.permutation(rows.num_rows)))


def _copied(rows: pa.Table) -> pa.Table:
    """Rows of their own: a slice would keep the whole buffer that it came from."""
    return rows.take(pa.array(np.arange(rows.num_rows)))
