"""DuckDB as every reader opens it: times are UTC, and it prints nothing of its own."""

from pathlib import Path

import duckdb


def session(database: str | Path = ":memory:") -> duckdb.DuckDBPyConnection:
    """A connection; its progress bars, which go to stdout after two seconds, are off."""
    connection = duckdb.connect(str(database))
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    return connection
