"""One expression of somebody's SQL, as DuckDB parses it: nothing that ends it and goes on."""

import duckdb
import orjson

from data.errors import first_line

SELECT = "SELECT ("
"""Before an expression, where it is parsed: its places are counted from there."""

BEYOND = ("where_clause", "group_expressions", "having", "qualify", "sample", "modifiers")
"""Parts of a query that an expression has not; modifiers are its order, limit and so on."""


def expression_tree(connection: duckdb.DuckDBPyConnection, sql: str) -> dict:
    """DuckDB's parse tree of an expression.

    Raises:
        ValueError: what is wrong with it, in words: it does not parse, is more than one expression,
            or is nested deeper than is read.
    """
    try:
        query = f"{SELECT}{sql}\n)"
        [(raw,)] = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
        tree = orjson.loads(raw)
    except duckdb.Error as error:
        raise ValueError(first_line(error)) from None
    except orjson.JSONDecodeError:
        raise ValueError("it is nested too deeply") from None
    if tree["error"]:
        raise ValueError(f"{tree['error_message']:.300}")
    queries = [each["node"] for each in tree["statements"]]
    selected = [one for query in queries for one in query.get("select_list", ())]
    whole = [
        "select_list" in query
        and query["from_table"]["type"] == "EMPTY"
        and not any(query.get(part) for part in BEYOND)
        for query in queries
    ]
    if len(selected) != 1 or not all(whole):
        raise ValueError("it is more than one expression")
    return selected[0]
