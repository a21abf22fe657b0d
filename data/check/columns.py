"""A table's columns as arrays, for checks of whole columns at once."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data import sound
from data.lossless_cast import plain


class Lists(NamedTuple):
    """A list column flattened: row of each value, and how many values each row has."""

    values: pa.Array
    parents: Int[np.ndarray, " values"]
    lengths: Int[np.ndarray, " rows"]

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Lists":
        """The lists of a column; null is an empty one."""
        array = plain(column)
        lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        lengths = lengths.astype(np.int64)
        return cls(array.flatten(), np.repeat(np.arange(len(lengths)), lengths), lengths)

    @property
    def starts(self) -> Int[np.ndarray, " rows"]:
        """Where each row's values begin."""
        return np.cumsum(self.lengths) - self.lengths

    def any_of(self, marked: Bool[np.ndarray, " values"]) -> Bool[np.ndarray, " rows"]:
        """Rows of which a value is marked."""
        rows = np.zeros(len(self.lengths), bool)
        rows[self.parents[marked]] = True
        return rows


def there(column: pa.ChunkedArray | pa.Array) -> Bool[np.ndarray, " rows"]:
    """Where there is a value."""
    return plain(column).is_valid().to_numpy(zero_copy_only=False)


def numbers(column: pa.ChunkedArray | pa.Array) -> Float[np.ndarray, " rows"]:
    """As float64; null is NaN."""
    return sound.numbers(plain(column))


def codes(values: pa.Array, among: pa.Array) -> Int[np.ndarray, " values"]:
    """The place of each value in `among`, −1 where it is null or not there."""
    options = pc.SetLookupOptions(value_set=among, skip_nulls=True)
    places = pc.call_function("index_in", [values], options)
    return places.fill_null(-1).to_numpy(zero_copy_only=False)
