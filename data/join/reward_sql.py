"""A reward's expression: what it may say, and how its columns are called.

DuckDB computes rewards whichever engine joins: what SQL says of division, casts and nulls differs
between engines, and a reward must not.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cache

import duckdb

from data.errors import BadInput, first_line
from data.join.rewards import Reward
from data.reading.duckdb_session import session
from data.reading.sql_expression import SELECT, expression_tree

OF_A_ROW = frozenset(
    [
        "BETWEEN",
        "CASE",
        "CAST",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "OPERATOR",
        "TYPE",
    ]
)
"""Classes of DuckDB's parse tree that speak of one row alone; subqueries and windows do not."""
MACROS = ("if", "ifnull", "nullif")
"""That are as plain as functions."""
KNOWN = "thumb, runtime_minutes"
"""What rows hold beside `played` and `minutes` where their reward is still to be computed."""
SAMPLE = """SELECT true AS played, CAST(30 AS DOUBLE) AS minutes, 0 AS thumb,
    CAST(90 AS DOUBLE) AS runtime_minutes"""
NOTHING = """SELECT false AS played, CAST(0 AS DOUBLE) AS minutes, 0 AS thumb,
    CAST(90 AS DOUBLE) AS runtime_minutes"""
"""As after an impression that nothing followed."""


def value_of(sql: str) -> str:
    """A reward's expression as a number, in DuckDB's SQL."""
    return f"CAST(({sql}\n) AS DOUBLE)"  # a comment at its end must not hide what follows


def refuse_senseless(reward: Reward, events: str = "") -> None:
    """Refuse a reward that cannot be computed from a row, before anything is changed.

    Args:
        reward: to look at.
        events: columns of events of the row that it is tried on, as SQL with a comma before each.

    Raises:
        BadInput: the expression does not parse, speaks of columns that are not there or of other
            rows, or calls what is no function of its arguments alone.
    """
    with session() as connection:
        wrong = _wrong_word(connection, reward.sql)
        if wrong is None:
            try:
                _tried(connection, reward, f"{SAMPLE}{events}")
            except duckdb.Error as error:
                wrong = first_line(error)
    if wrong is not None:
        raise BadInput(
            f"the reward {reward.name!r} cannot be computed from {reward.sql!r:.300}: {wrong}"
        )


def refuse_where_nothing_happened(reward: Reward, events: str) -> None:
    """Refuse a reward that is no number where nothing followed, as after most impressions.

    Args:
        reward: which `refuse_senseless` let pass.
        events: columns of events of such a row.

    Raises:
        BadInput: it is null, or not finite.
    """
    with session() as connection:
        try:
            [(value,)] = _tried(connection, reward, f"{NOTHING}{events}")
            wrong = value is None or not math.isfinite(value)
        except duckdb.Error:
            wrong = True
    if wrong:
        raise BadInput(
            f"the reward {reward.name!r} ({reward.sql:.300}) is no number where nothing followed "
            "the impression; wrap it in coalesce(…, 0), divide by nullif(…, 0), or mend the "
            "expression"
        )


def spoken_of(reward: Reward) -> list[str]:
    """The columns that an expression names, each once; none where it does not parse."""
    return list(dict.fromkeys(name for name, _, _ in _references(reward)))


def renamed(reward: Reward, names: Mapping[str, str]) -> str:
    """The expression with some of its columns called otherwise."""
    text = reward.sql.encode()
    for name, start, stop in sorted(_references(reward), key=lambda one: -one[1]):
        if name in names:
            text = text[:start] + names[name].encode() + text[stop:]
    return text.decode()


def _references(reward: Reward) -> list[tuple[str, int, int]]:
    """Name, start and end in bytes of each mention of a column."""
    before = len(SELECT.encode())
    with session() as connection:
        try:
            tree = expression_tree(connection, reward.sql)
        except ValueError:
            return []
    return [
        (
            node["column_names"][0],
            node["query_location"] - before,
            node["query_location"] + node["query_location_length"] - before,
        )
        for node in _nodes(tree)
        if node["class"] == "COLUMN_REF" and len(node["column_names"]) == 1
    ]


def _tried(connection: duckdb.DuckDBPyConnection, reward: Reward, row: str) -> list[tuple]:
    return connection.execute(f"SELECT {value_of(reward.sql)} FROM ({row})").fetchall()


def _wrong_word(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """What an expression says that it may not; None where it may be tried."""
    try:
        tree = expression_tree(connection, sql)
    except ValueError as wrong:
        return str(wrong)
    for node in _nodes(tree):
        kind, name = node["class"], str(node.get("function_name", "")).lower()
        if kind not in OF_A_ROW:
            return f"it has a {kind.lower()}; an example's reward follows from that example alone"
        if kind == "FUNCTION" and name not in _functions():
            return f"{name} is no function of an example's own values"
    return None


def _nodes(tree: object) -> Iterator[dict]:
    """Every node of a parse tree that has a class, from left to right, however deep it is."""
    ahead = [tree]
    while ahead:
        part = ahead.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            ahead += reversed(part.values())
        elif isinstance(part, list):
            ahead += reversed(part)


@cache
def _functions() -> frozenset[str]:
    """Functions whose value follows from their arguments."""
    with session() as connection:
        rows = connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
            " WHERE function_type = 'scalar' AND stability = 'CONSISTENT'"
        ).fetchall()
    return frozenset(name for (name,) in rows).union(MACROS)
