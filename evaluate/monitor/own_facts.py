"""Facts of a user's own as the monitor counts them: each by what its values are, in SQL."""

import duckdb

DECILES = [tenth / 10 for tenth in range(1, 10)]


def own_measures(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """`own.NAME` → its SQL over a decision, for each fact that the reference has.

    A category is counted by its name, numbers by deciles of the reference, vectors by those of
    their mean, sets and counts by how many names there are. Which of them a fact is shows in its
    values, so that one which nobody declared is watched as well.

    Args:
        connection: with the view `r` of reference decisions.
    """
    shapes = connection.execute("""
        SELECT entry.key, coalesce(max(len(entry.value.names)), 0),
            coalesce(max(len(entry.value.numbers)), 0)
        FROM (SELECT unnest(map_entries(facts.own)) AS entry FROM r) GROUP BY ALL ORDER BY ALL
        """).fetchall()
    return {
        f"own.{name}": _measure(connection, value_of(name), names, numbers)
        for name, names, numbers in shapes
    }


def value_of(name: str) -> str:
    """SQL of a fact's value; null where it is not known."""
    quoted = name.replace("'", "''")
    return f"facts.own['{quoted}']"


def _measure(connection: duckdb.DuckDBPyConnection, value: str, names: int, numbers: int) -> str:
    if names > 1 or (names and numbers):
        return f"len({value}.names)"
    if names:
        return f"{value}.names[1]"
    number = f"{value}.numbers[1]" if numbers == 1 else f"list_avg({value}.numbers)"
    [(edges,)] = connection.execute(
        f"SELECT quantile_cont(x, {DECILES}) FROM (SELECT {number} AS x FROM r) WHERE isfinite(x)"
    ).fetchall()
    distinct = sorted(set(edges or []))
    above = " + ".join(f"CAST({number} > {edge!r} AS INT)" for edge in distinct) or "0"
    return f"CASE WHEN {number} IS NULL THEN NULL ELSE {above} END"
