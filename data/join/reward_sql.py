"""A reward's expression: what it may say, and its value for rows that another engine made.

DuckDB computes rewards whichever engine joins: what SQL says of division, casts and nulls differs
between engines, and a reward must not.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import duckdb
import orjson
import pyarrow as pa

from data.errors import BadInput
from data.join.rewards import Reward
from data.reading.duckdb_session import session

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


def value_of(sql: str) -> str:
    """A reward's expression as a number, in DuckDB's SQL."""
    return f"CAST(({sql}\n) AS DOUBLE)"  # a comment at its end must not hide what follows


def refuse_senseless(reward: Reward) -> None:
    """Refuse a reward that cannot be computed from a row, before anything is changed.

    Raises:
        BadInput: the expression does not parse, speaks of columns that are not there or of other
            rows, or calls what is no function of its arguments alone.
    """
    with session() as connection:
        wrong = _wrong_word(connection, reward.sql)
        if wrong is None:
            try:
                connection.execute(f"SELECT {value_of(reward.sql)} FROM ({SAMPLE})").fetchall()
            except duckdb.Error as error:
                wrong = (str(error).splitlines() or [type(error).__name__])[0]
    if wrong is not None:
        raise BadInput(
            f"the reward {reward.name!r} cannot be computed from {reward.sql!r}: {wrong}"
        )


def valued(batches: Iterable[pa.RecordBatch], sql: str) -> Iterator[pa.RecordBatch]:
    """Rows of the join that have `KNOWN`, with their reward in its place.

    Raises:
        BadInput: DuckDB cannot compute it for a row.
    """
    with session() as connection:
        for batch in batches:
            connection.register("rows", pa.table(batch))
            try:
                found = connection.sql(f"""
                    SELECT {value_of(sql)} AS reward FROM (
                        SELECT played, minutes, CAST(thumb AS INTEGER) AS thumb, runtime_minutes
                        FROM rows)""").to_arrow_table()
            except duckdb.Error as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise BadInput(
                    f"the reward ({sql}) cannot be computed for every example: {reason}"
                ) from None
            rewards = pa.concat_arrays(found["reward"].chunks) if len(found) else pa.array([])
            kept = [name for name in batch.schema.names if name not in KNOWN.split(", ")]
            yield batch.select(kept).append_column("reward", rewards.cast(pa.float64()))


def _wrong_word(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """What an expression says that it may not; None where it may be tried."""
    try:
        [(raw,)] = connection.execute(
            "SELECT json_serialize_sql(?)", [f"SELECT ({sql}\n)"]
        ).fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    tree = orjson.loads(raw)
    if tree["error"]:
        return str(tree["error_message"])
    selected = [one for each in tree["statements"] for one in each["node"]["select_list"]]
    if len(selected) != 1:
        return "it is more than one expression"
    for node in _nodes(selected[0]):
        kind, name = node["class"], str(node.get("function_name", "")).lower()
        if kind not in OF_A_ROW:
            return f"it has a {kind.lower()}; an example's reward follows from that example alone"
        if kind == "FUNCTION" and name not in _functions():
            return f"{name} is no function of an example's own values"
    return None


def _nodes(tree: object) -> Iterator[dict]:
    """Every node of a parse tree that has a class."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for part in tree.values():
            yield from _nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


@cache
def _functions() -> frozenset[str]:
    """Functions whose value follows from their arguments."""
    with session() as connection:
        rows = connection.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
            " WHERE function_type = 'scalar' AND stability = 'CONSISTENT'"
        ).fetchall()
    return frozenset(name for (name,) in rows).union(MACROS)
