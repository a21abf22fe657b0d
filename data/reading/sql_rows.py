"""Rows of a table that an expression of SQL holds for: `--where` of every evaluation."""

import re
import sys
from collections.abc import Sequence
from typing import cast

import duckdb
import numpy as np
import pyarrow as pa

from data.errors import BadInput, first_line
from data.own_facts import fact_values, own_names
from data.reading.duckdb_session import session
from data.reading.sql_expression import expression_tree
from data.records import FACTS, OWN

DRAWN = re.compile(r"\b(action|propensity|reward|played|minutes|impressions)\b", re.I)
"""What follows from the draw: rows chosen by it are not those that a policy would have met."""
TEXT = re.compile(r"('(?:[^']|'')*')")
FACT = re.compile(r"\bfacts\.(\w+)")


def rows_where(table: pa.Table, where: str | None) -> pa.Table:
    """The rows of a table that an expression over its columns holds for, in their order.

    Args:
        table: fields of structs are named as `facts.country`, and so are facts of a user's own.
        where: SQL of DuckDB, such as `facts.country = 'NO' AND time >= '2026-01-31'`; None: all.

    Raises:
        BadInput: it cannot be computed, or holds for no row.
    """
    if where is None:
        return table
    warn_of_draws(where)
    own = _own(table)
    numbered = table.append_column("__row", pa.array(np.arange(len(table))))
    with session() as connection:
        connection.execute("SET enable_external_access = false")
        connection.register("rows", numbered)
        try:
            expression_tree(connection, where)
            asked = in_sql(where, own)
            found = connection.sql(f"SELECT __row FROM rows WHERE ({asked}\n)").to_arrow_table()
        except (duckdb.Error, ValueError) as error:
            raise refusal(where, error, table.column_names, own) from None
    if not len(found):
        raise BadInput(f"--where {where!r:.300}: no row is such; widen it")
    return table.take(pa.array(np.sort(found["__row"].to_numpy())))


def in_sql(where: str, own: pa.MapArray | None) -> str:
    """An expression in which `facts.NAME` stands for what rows have of a user's own fact.

    A number or a text stands for itself, several for a list, numbers by name for a map.

    Args:
        where: the expression.
        own: of some rows, as OWN, which show what each fact is; None: there are none.
    """
    if own is None:
        return where
    names = set(own_names(own))

    def told(found: re.Match[str]) -> str:
        name = found[1]
        return _value(name, own) if name in names else found[0]

    parts = TEXT.split(where)
    return "".join(part if at % 2 else FACT.sub(told, part) for at, part in enumerate(parts))


def _value(name: str, own: pa.MapArray) -> str:
    """A fact of OWN as SQL, by what it holds."""
    values, held = fact_values(own, name), f"facts.own['{name}']"
    names, numbers = (int(count.max(initial=0)) for count in values.counts)
    if names and numbers:
        return f"map({held}.names, {held}.numbers)"
    part = f"{held}.names" if names else f"{held}.numbers"
    return part if max(names, numbers) > 1 else f"{part}[1]"


def _own(table: pa.Table) -> pa.MapArray | None:
    """What a table's facts have of a user's own."""
    if "facts" not in table.column_names or not len(table):
        return None
    return own_of(table["facts"].combine_chunks())


def own_of(facts: pa.Array) -> pa.MapArray | None:
    """What facts have of a user's own; None: they have no such field."""
    if not pa.types.is_struct(facts.type) or facts.type.get_field_index("own") < 0:
        return None
    held = cast("pa.StructArray", facts).field("own")
    return cast("pa.MapArray", held) if held.type.equals(OWN) else None


def refusal(
    where: str, error: Exception, columns: Sequence[str], own: pa.MapArray | None = None
) -> BadInput:
    """What is said of an expression that cannot be computed."""
    facts = ""
    if "facts" in columns:
        known = [field.name for field in FACTS if field.name != "own"]
        known += [] if own is None else own_names(own)
        facts = "; facts are " + ", ".join(f"facts.{name}" for name in known)
    return BadInput(
        f"--where {where!r:.300} cannot be computed ({first_line(error)}); write SQL over the "
        f"columns {', '.join(columns)}{facts}"
    )


def warn_of_draws(where: str) -> None:
    """Say on stderr that rows are chosen by what came of the draw, where they are."""
    if found := DRAWN.search(where):
        print(
            f"note: --where asks for {found[0]}, which follows from the draw: estimates of rows "
            "chosen by it are biased, but for rows that no estimate weighs",
            file=sys.stderr,
        )
