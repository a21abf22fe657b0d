"""Facts of a user's own as the monitor counts them: each by what its values are, in SQL."""

from typing import NamedTuple

import duckdb

DECILES = [tenth / 10 for tenth in range(1, 10)]
WIDE = 16
"""Numbers of a vector that are watched each for itself; of a wider one the first of them."""


class Measure(NamedTuple):
    """What is counted of a fact."""

    sql: str
    """Over a decision: one value, or a list of them, of which each counts."""
    listed: bool = False
    """Whether it is a list."""


def own_measures(connection: duckdb.DuckDBPyConnection) -> dict[str, Measure]:
    """`own.NAME` → what is counted, for each fact that the reference has.

    A category is counted by its name, a number by deciles of the reference, each number of a vector
    by its own deciles (`own.NAME[3]`), sets and counts by the names in them and, beside
    (`own.NAME.size`), by how many there are. Which of them a fact is shows in its values, so that
    one which nobody declared is watched as well.

    Args:
        connection: with the view `r` of reference decisions.
    """
    shapes = connection.execute("""
        SELECT entry.key, coalesce(max(len(entry.value.names)), 0),
            coalesce(max(len(entry.value.numbers)), 0)
        FROM (SELECT unnest(map_entries(facts.own)) AS entry FROM r) GROUP BY ALL ORDER BY ALL
        """).fetchall()
    measures: dict[str, Measure] = {}
    for name, names, numbers in shapes:
        value, key = value_of(name), f"own.{name}"
        if names > 1 or (names and numbers):
            measures[key] = Measure(f"{value}.names", listed=True)
            measures[f"{key}.size"] = Measure(f"len({value}.names)")
        elif names:
            measures[key] = Measure(f"{value}.names[1]")
        elif numbers == 1:
            measures[key] = _by_deciles(connection, f"{value}.numbers[1]")
        else:
            for at in range(1, min(numbers, WIDE) + 1):
                number = f"{value}.numbers[{at}]"
                measures[f"{key}[{at}]"] = _by_deciles(connection, number)
    return measures


def value_of(name: str) -> str:
    """SQL of a fact's value; null where it is not known."""
    quoted = name.replace("'", "''")
    return f"facts.own['{quoted}']"


def _by_deciles(connection: duckdb.DuckDBPyConnection, number: str) -> Measure:
    [(edges,)] = connection.execute(
        f"SELECT quantile_cont(x, {DECILES}) FROM (SELECT {number} AS x FROM r) WHERE isfinite(x)"
    ).fetchall()
    distinct = sorted(set(edges or []))
    above = " + ".join(f"CAST({number} > {edge!r} AS INT)" for edge in distinct) or "0"
    return Measure(f"CASE WHEN {number} IS NULL THEN NULL ELSE {above} END")
