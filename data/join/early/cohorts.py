"""Older cohorts: examples whose reward is whole, out of a join's own files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.days import date_of
from data.join.early.foresight import LEAST, ExpectedReward, came_at_once, learn_foresight
from data.join.early.ladder import LEFT, SEEN
from data.join.rewards import Reward

MOST = 200_000
"""Examples that are learnt from, the latest: what members do changes, and so many say enough."""
FILE = "examples.parquet"


def foresight_of(out: Path, days: Iterable[int], steps: Sequence[Reward]) -> ExpectedReward | None:
    """What the whole examples of some days teach; None where they are too few.

    Args:
        out: the examples' folder.
        days: of it, joined with the present settings.
        steps: the trace.
    """
    names = [step.name for step in steps]
    parts: list[np.ndarray] = []
    count = 0
    for day in sorted(days, reverse=True):
        file = out / f"day={date_of(day)}" / FILE
        if not file.is_file():
            continue
        table = pq.read_table(file, columns=["metrics", "played", "minutes"])
        came = came_at_once(*(table[name].to_numpy() for name in ("played", "minutes")))
        numbers = np.concatenate([came, named_numbers(table, [*names, SEEN, LEFT])], axis=1)
        whole = numbers[numbers[:, -1] <= 0]
        parts.append(whole)
        count += len(whole)
        if count >= MOST:
            break
    if count < LEAST:
        return None
    every = np.concatenate(parts)[:MOST]
    ages = [float(step.within_days or 0) for step in steps]
    came, trace, seen = every[:, :2], every[:, 2:-2], every[:, -2]
    return learn_foresight(trace, seen, ages, came)


def named_numbers(table: pa.Table, names: Sequence[str]) -> np.ndarray:
    """Numbers of `metrics` by name, a column each; the join writes the same names in every row."""
    column = table["metrics"].combine_chunks()
    if not len(column):
        return np.zeros((0, len(names)))
    values = column.items.to_numpy(zero_copy_only=False).reshape(len(column), -1)
    keys = column.keys.slice(0, values.shape[1]).to_pylist()
    return values[:, [keys.index(name) for name in names]]
