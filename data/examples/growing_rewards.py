"""From which day on examples have rewards that are still growing."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from data.days import DAY_US
from data.examples.row_groups import microseconds, row_groups
from data.examples.stream import ExampleStream
from data.join.early.cohorts import named_numbers
from data.join.early.ladder import LEFT


def settled_until(stream: ExampleStream, since: int, until: int) -> int:
    """The moment before which every reward is whole: midnight of the first day with one that grows.

    Args:
        stream: all examples.
        since: moment from which they are looked at, µs.
        until: moment up to which; given back where all are whole.
    """
    files = {g.file for g in row_groups(Path(stream.folder)) if g.partly(since, until)}
    for file in files:
        if "metrics" not in pq.read_schema(file).names:
            continue
        rows = pq.read_table(file, columns=["time", "metrics"])
        if not rows.num_rows or LEFT not in dict(rows["metrics"][0].as_py() or []):
            continue
        times = microseconds(rows["time"])
        left = named_numbers(rows, [LEFT])[:, 0]
        young = times[(left > 0) & (times >= since) & (times < until)]
        if len(young):
            until = min(until, int(np.min(young)) // DAY_US * DAY_US)
    return until
