"""Rewards a draw by day and cell, and by bundle, with intervals over profiles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.check.log_views import view_examples
from data.reading.duckdb_session import session
from evaluate.monitor.rewards import BESIDE, error_of, ratio

Z = 1.96
SUMS = f"""
SELECT day, coalesce(cell, '') AS cell, profile_id,
       CASE WHEN bundle <> policy AND policy IN {BESIDE} THEN '' ELSE bundle END
         AS bundle,
       count(*)::DOUBLE AS n, sum(reward)::DOUBLE AS reward
FROM e GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class MeanReward:
    """Of a draw, over a part of the log."""

    day: str
    """YYYY-MM-DD, or all."""
    group: str
    """A cell (all of them: empty), or a bundle, or the policy where there was none."""
    value: float
    low: float
    high: float
    draws: int


@dataclass(frozen=True)
class Rewards:
    """What became of draws."""

    days: list[MeanReward]
    """By day and cell."""
    bundles: list[MeanReward]
    """By bundle, over all days: what it chose itself, without what callers or everybody chose."""


def rewards_of(examples: Path | str, zone: str = "UTC") -> Rewards:
    """Mean rewards of joined examples, each with its 95% interval, profiles being the units.

    Args:
        examples: Parquet file or folder.
        zone: in which days begin.

    Raises:
        BadInput: there are no files, or one is not of examples.
    """
    connection = session()
    view_examples(connection, str(examples), None, zone)
    rows = connection.sql(SUMS).to_arrow_table()
    profile = np.unique(np.array(rows["profile_id"].to_pylist(), object), return_inverse=True)[1]
    day, cell, bundle = (_texts(rows[name]) for name in ("day", "cell", "bundle"))
    n, reward = rows["n"].to_numpy(), rows["reward"].to_numpy()

    def mean(which: np.ndarray, at: str, group: str) -> MeanReward:
        units = np.unique(profile[which], return_inverse=True)[1]
        value, pieces = ratio(reward[which], n[which], units, int(units.max()) + 1)
        half = Z * error_of(pieces)
        draws = int(n[which].sum())
        return MeanReward(at, group, value, value - half, value + half, draws)

    pairs = sorted(set(zip(day.tolist(), cell.tolist(), strict=True)))
    return Rewards(
        [mean((day == at) & (cell == name), at, name) for at, name in pairs],
        [mean(bundle == name, "all", name) for name in sorted({*bundle.tolist()} - {""})],
    )


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([str(value) for value in column.to_pylist()], object)
