"""Columns of numbers, of facts that Marquee comes with and of declared ones."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from data.features.bags import sound_entries
from data.schema import SHIPPED
from data.schema.fact import STEPS
from data.sound import MOST_DAYS, numbers, within

CATEGORIES = tuple(fact.name for fact in SHIPPED.facts if fact.kind == "category")
POSITIONS = tuple(fact.name for fact in SHIPPED.facts if fact.scale == "steps")
POSITION_BUCKETS = STEPS
LEAST_VARIED = 1e-6  # a lesser deviation is the rounding of a constant


def tenure_days(facts: pa.StructArray) -> Float[np.ndarray, " members"]:
    """Days since the profile was made; NaN where they are not known, or not sound."""
    tenure = numbers(facts.field("tenure_days"))
    return np.where(within(tenure, MOST_DAYS), tenure, np.nan)


def tenure_columns(
    tenure: Float[np.ndarray, " members"], mean: float, deviation: float
) -> Float[np.ndarray, "members 2"]:
    """Scaled logarithm of the days, and whether they are not known."""
    columns = np.empty((len(tenure), 2))
    columns[:, 0], columns[:, 1] = scaled(np.log1p(tenure), mean, deviation), np.isnan(tenure)
    columns[columns[:, 1] == 1, 0] = 0
    return columns


def values_of(column: pa.Array | pa.ChunkedArray) -> list[str]:
    """The values of a column, sorted."""
    return sorted(value for value in pc.unique(column).to_pylist() if value is not None)


def scaled(values: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Values by mean and deviation; 0 where training saw only one, and so not what it means."""
    return (values - mean) / (deviation if deviation > LEAST_VARIED else np.inf)


def one_hot(column: pa.Array, vocabulary: list[str]) -> np.ndarray:
    """One column a value, then one for a value never seen, then one for not known."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    places = pc.index_in(column, value_set=pa.array(vocabulary, pa.string()))
    slots = pc.fill_null(places, len(vocabulary)).to_numpy(zero_copy_only=False)
    slots = np.where(column.is_null().to_numpy(zero_copy_only=False), len(vocabulary) + 1, slots)
    return np.eye(len(vocabulary) + 2, dtype=np.float32)[slots]


def position(column: pa.Array) -> np.ndarray:
    """One column for each of the first places, one for those after, one for not known."""
    values = numbers(column)
    slots = np.where(values >= 0, np.minimum(values, POSITION_BUCKETS - 1), POSITION_BUCKETS)
    return np.eye(POSITION_BUCKETS + 1, dtype=np.float32)[slots.astype(np.int64)]


def genre_counts(column: pa.MapArray, genres: list[str]) -> np.ndarray:
    """Shares of what was watched by genre (last: never seen in training), and log of the total."""
    row, names, counts = sound_entries(column)
    slots = pc.fill_null(pc.index_in(names, value_set=pa.array(genres, pa.string())), len(genres))
    out = np.zeros((len(column), len(genres) + 2), dtype=np.float32)
    np.add.at(out, (row, slots.to_numpy(zero_copy_only=False)), counts)
    return genre_shares(out)


def genre_shares(
    counts: Float[np.ndarray, "members genres"],
) -> Float[np.ndarray, "members genres"]:
    """Counts by genre as shares, in their place, and the log of their total as the last column."""
    total = counts.sum(1)
    counts /= np.maximum(total, 1e-9)[:, None]
    counts[:, -1] = np.log1p(total)
    return counts
