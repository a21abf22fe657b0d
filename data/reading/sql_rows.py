"""Rows of a table that an expression of SQL holds for: `--where` of every evaluation."""

import re
import sys

import duckdb
import numpy as np
import pyarrow as pa

from data.errors import BadInput, first_line
from data.reading.duckdb_session import session
from data.reading.sql_expression import expression_tree

DRAWN = re.compile(r"\b(action|propensity|reward|played|minutes|impressions)\b", re.I)
"""What follows from the draw: rows chosen by it are not those that a policy would have met."""


def rows_where(table: pa.Table, where: str | None) -> pa.Table:
    """The rows of a table that an expression over its columns holds for, in their order.

    Args:
        table: fields of structs are named as `facts.country`.
        where: SQL of DuckDB, such as `facts.country = 'NO' AND time >= '2026-01-31'`; None: all.

    Raises:
        BadInput: it cannot be computed, or holds for no row.
    """
    if where is None:
        return table
    warn_of_draws(where)
    numbered = table.append_column("__row", pa.array(np.arange(len(table))))
    with session() as connection:
        connection.execute("SET enable_external_access = false")
        connection.register("rows", numbered)
        try:
            expression_tree(connection, where)
            found = connection.sql(f"SELECT __row FROM rows WHERE ({where}\n)").to_arrow_table()
        except (duckdb.Error, ValueError) as error:
            raise refusal(where, error, table.column_names) from None
    if not len(found):
        raise BadInput(f"--where {where!r}: no row is such; widen it")
    return table.take(pa.array(np.sort(found["__row"].to_numpy())))


def refusal(where: str, error: Exception, columns: list[str]) -> BadInput:
    """What is said of an expression that cannot be computed."""
    return BadInput(
        f"--where {where!r} cannot be computed ({first_line(error)}); write SQL over the columns "
        f"{', '.join(columns)}"
    )


def warn_of_draws(where: str) -> None:
    """Say on stderr that rows are chosen by what came of the draw, where they are."""
    if found := DRAWN.search(where):
        print(
            f"note: --where asks for {found[0]}, which follows from the draw: estimates of rows "
            "chosen by it are biased, but for rows that no estimate weighs",
            file=sys.stderr,
        )
