"""A table with a fault planted in one column."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def changed(table: pa.Table, column: str, values: Sequence | np.ndarray) -> pa.Table:
    """The table with other values in a column, of the same type."""
    at = table.schema.get_field_index(column)
    field = table.schema.field(at)
    return table.set_column(at, field, pa.array(values, field.type))
