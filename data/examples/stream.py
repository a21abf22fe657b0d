"""Examples as a stream of batches: shuffled by a buffer, in memory that does not grow with them.

Row groups come in random order, some at a time in turn; their rows pass through a buffer that is
shuffled whenever it is full and then gives half of itself away. Row groups that lie outside the
time asked for are never read, so a day's increment costs what the day costs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from data.days import DAY_US, date_of, day_number, midnight_us
from data.errors import BadInput
from data.examples.row_groups import RowGroup, microseconds, row_groups
from data.schema_cast import damage, opened

READ_ROWS = 8192
"""Rows decoded at a time."""
LANES = 8
"""Row groups read in turn where the order is random, so that neighbours are of several days."""


class WeightedBatch(NamedTuple):
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
    since: int | None = None
    """Only rows from this moment on, µs since 1970; None: from the first."""
    until: int | None = None
    """Only rows before this moment; None: to the last."""
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

    def row_groups(self) -> list[RowGroup]:
        """The row groups that may hold rows of the time asked for, in the files' order.

        Raises:
            BadInput: there is no such example.
        """
        return self._asked()[0]

    def span(self) -> tuple[int, int]:
        """The moments of the first and of the last row, µs; only times at the edges are read."""
        groups, low, high = self._asked()
        times = [
            (int(inside.min()), int(inside.max()))
            for inside in (group.times(low, high) for group in groups)
            if len(inside)
        ]
        if not times:
            raise BadInput(f"{self.folder} holds no examples of the time asked for")
        return min(first for first, _ in times), max(last for _, last in times)

    def count(self) -> int:
        """How many examples; only times at the edges are read."""
        groups, low, high = self._asked()
        return sum(g.rows if g.wholly(low, high) else len(g.times(low, high)) for g in groups)

    def batches(self, epoch: int = 0) -> Iterator[WeightedBatch]:
        """Every example once, in an order that follows from the seed and the epoch.

        Args:
            epoch: another epoch, another order.
        """
        last = self._last_day(row_groups(Path(self.folder)))
        rng = None if self.seed is None else np.random.default_rng([self.seed, epoch])
        waiting: list[pa.Table] = []
        held = 0
        for _, rows in self._rows(rng):
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

    def rows(self, epoch: int = 0) -> Iterator[tuple[Path, pa.Table]]:
        """Every example once, READ_ROWS or fewer of one file at a time, and that file.

        Args:
            epoch: another epoch, another order.
        """
        return self._rows(None if self.seed is None else np.random.default_rng([self.seed, epoch]))

    def _rows(self, rng: np.random.Generator | None) -> Iterator[tuple[Path, pa.Table]]:
        waiting, low, high = self._asked()
        if rng is not None:
            waiting = [waiting[at] for at in rng.permutation(len(waiting))]
        waiting.reverse()
        lanes: list[Iterator[tuple[Path, pa.Table]]] = []
        turn = 0
        while waiting or lanes:
            while waiting and len(lanes) < (1 if rng is None else LANES):
                lanes.append(self._read(waiting.pop(), low, high))
            turn %= len(lanes)
            rows = next(lanes[turn], None)
            if rows is None:
                lanes.pop(turn)
                continue
            turn += 1
            yield rows

    def _read(self, group: RowGroup, low: int, high: int) -> Iterator[tuple[Path, pa.Table]]:
        columns = None if self.columns is None else list(dict.fromkeys((*self.columns, "time")))
        with opened(group.place) as file:
            for batch in file.iter_batches(READ_ROWS, [group.group], columns=columns):
                rows = pa.Table.from_batches([batch])
                if why := damage(rows):
                    raise BadInput(f"{group.file}: its values are damaged ({why}); join again")
                if not group.wholly(low, high):
                    times = microseconds(rows["time"])
                    rows = rows.filter(pa.array((times >= low) & (times < high)))
                if rows.num_rows:
                    yield group.file, rows

    def _asked(self) -> tuple[list[RowGroup], int, int]:
        """The row groups that may hold rows of the time asked for, and that time, µs."""
        every = row_groups(Path(self.folder))
        low, high = self._time(every)
        asked = [group for group in every if group.partly(low, high)]
        if not asked:
            days = f"the days from {date_of(low // DAY_US)} to {date_of((high - 1) // DAY_US)}"
            raise BadInput(f"{self.folder} holds no examples of {days}")
        return asked, low, high

    def _last_day(self, every: list[RowGroup]) -> date:
        return self.last_day or date_of(max(group.latest for group in every) // DAY_US)

    def _time(self, every: list[RowGroup]) -> tuple[int, int]:
        """The time asked for, µs: from the first up to, without, the second."""
        last = self._last_day(every)
        first = self.first_day or min(group.first_day for group in every)
        if self.window_days is not None:
            first = max(first, last - timedelta(days=self.window_days - 1))
        low, high = midnight_us(first), midnight_us(last) + DAY_US
        return max(low, self.since or low), min(high, high if self.until is None else self.until)

    def _weighted(self, rows: pa.Table, last: date) -> WeightedBatch:
        if self.ranks > 1:
            rows = rows.take(pa.array(np.arange(self.rank, rows.num_rows, self.ranks)))
        if self.decay == 1:
            return WeightedBatch(rows, np.ones(rows.num_rows, np.float32))
        days = microseconds(rows["time"]) // DAY_US
        age = day_number(last) - days
        return WeightedBatch(rows, (self.decay**age).astype(np.float32))


def _shuffled(rows: pa.Table, rng: np.random.Generator | None) -> pa.Table:
    rows = rows.combine_chunks()
    return rows if rng is None else rows.take(pa.array(rng.permutation(rows.num_rows)))


def _copied(rows: pa.Table) -> pa.Table:
    """Rows of their own: a slice would keep the whole buffer that it came from."""
    return rows.take(pa.array(np.arange(rows.num_rows)))
