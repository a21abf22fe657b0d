"""Examples of any number for measurements: a simulated log, repeated with new ids and times."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measured import ROOT
from data.days import DAY_US, midnight_us
from data.records import EXAMPLES, TIMESTAMP
from simulate.browsing.sample import SampleFolders, SampleSettings, make_sample

FIRST = date(2026, 1, 1)
GROUP = 32_768
"""Rows of a row group, as the join writes them."""
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def simulated(folder: Path, titles: int, decisions: int) -> SampleFolders:
    """A catalogue of rendered posters, six a title, and the log of members who browse it."""
    settings = SampleSettings(
        subjects=str(ROOT / "sample" / "artwork"),
        exclude_subjects=str(ROOT / "sample" / "held_out.txt"),
        titles=titles,
        artworks=6,
        members=1000,
        days=2,
        decisions_per_day=decisions // 2,
        seed=1,
    )
    return make_sample(folder, settings)


def repeated(base: pa.Table, count: int, days: int, folder: Path, seed: int = 0) -> int:
    """So many examples over so many days, one file a day; their bytes.

    The base's rows come again and again, with ids of their own and times that go evenly from the
    first day's start to the last day's end.
    """
    draw = np.random.default_rng(seed)
    base = base.combine_chunks()
    start = midnight_us(FIRST)
    for day in range(days):
        first, last = count * day // days, count * (day + 1) // days
        place = folder / f"day={FIRST + timedelta(days=day)}"
        place.mkdir(parents=True)
        with pq.ParquetWriter(place / "examples.parquet", EXAMPLES, compression="zstd") as writer:
            for low, high in _parts(first, last):
                at = np.arange(low, high)
                times = start + at * (days * DAY_US) // count
                rows = base.take(pa.array(at % len(base)))
                rows = rows.set_column(0, EXAMPLES.field(0), _ids(high - low, draw))
                time = pa.array(times, pa.int64()).cast(TIMESTAMP)
                writer.write_table(rows.set_column(1, EXAMPLES.field(1), time))
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def _parts(first: int, last: int) -> Iterator[tuple[int, int]]:
    for low in range(first, last, GROUP):
        yield low, min(low + GROUP, last)


def _ids(count: int, draw: np.random.Generator) -> pa.Array:
    """Random ids of 32 hex digits."""
    letters = HEX[draw.integers(0, 16, (count, 32), np.uint8)]
    offsets = pa.py_buffer(np.arange(0, 32 * count + 1, 32, dtype=np.int32))
    return pa.StringArray.from_buffers(count, offsets, pa.py_buffer(letters))
