"""DuckDB as every reader opens it: times are UTC, and it prints nothing of its own."""

import duckdb


def session() -> duckdb.DuckDBPyConnection:
    """A connection in memory; its progress bars, which go to stdout after two seconds, are off."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    return connection
