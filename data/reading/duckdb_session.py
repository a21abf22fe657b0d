"""DuckDB as every reader opens it: times are UTC, and it prints nothing of its own."""

import os
import re

import duckdb

from data.errors import DISK


def session() -> duckdb.DuckDBPyConnection:
    """A connection in memory; its progress bars, which go to stdout after two seconds, are off."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    return connection


def of_the_disk(error: Exception) -> OSError | None:
    """The disk's own error where that is what went wrong: DuckDB has its number in its words."""
    found = re.search(r'"errno":"(\d+)"', str(error))
    number = int(found[1]) if found else 0
    return OSError(number, os.strerror(number)) if number in DISK else None
