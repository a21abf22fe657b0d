"""Rewards of rows that another engine than DuckDB joined."""

from collections.abc import Iterable, Iterator

import duckdb
import pyarrow as pa

from data.errors import BadInput, first_line
from data.join.events.worth import Worth
from data.reading.duckdb_session import session


def valued(batches: Iterable[pa.RecordBatch], worth: Worth) -> Iterator[pa.RecordBatch]:
    """Rows of the join that have what a worth is computed from, with its numbers in its place.

    Raises:
        BadInput: DuckDB cannot compute it for a row.
    """
    raw = [name.strip() for name in worth.raw().split(",")]
    names = ", ".join(["played, minutes, CAST(thumb AS INTEGER) AS thumb", *raw[1:]])
    added = [one.column for one in worth.formulas]
    with session() as connection:
        for batch in batches:
            connection.register("rows", pa.table(batch))
            try:
                found = connection.sql(
                    f"SELECT {worth.values()} FROM (SELECT {names} FROM rows)"
                ).to_arrow_table()
            except duckdb.Error as error:
                raise BadInput(
                    f"the rewards ({worth.values()}) cannot be computed for every example: "
                    f"{first_line(error)}"
                ) from None
            rows = batch.select([name for name in batch.schema.names if name not in raw])
            for name in added:
                column = found[name].combine_chunks().cast(pa.float64())
                rows = rows.append_column(name, column)
            yield rows
