"""DuckDB as every reader opens it: times are UTC, and it prints nothing of its own."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from data.errors import DISK, BadInput, first_line


def session() -> duckdb.DuckDBPyConnection:
    """A connection in memory; its progress bars, which go to stdout after two seconds, are off."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    return connection


def by_name(file: Path) -> str:
    """A file's path as DuckDB takes it for that file alone, and for no pattern."""
    return re.sub(r"[*?[]", lambda found: f"[{found[0]}]", str(file))


@contextmanager
def reading(what: object) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session that reads a user's files, named by `what`.

    Raises:
        BadInput: DuckDB cannot make out what they hold.
        OSError: the disk is full or broken.
    """
    with session() as connection:
        try:
            yield connection
        except duckdb.Error as error:
            of_disk = of_the_disk(error)
            if of_disk is not None:
                raise of_disk from None
            raise BadInput(
                f"{what} cannot be read ({first_line(error)}); write the file again, or take it "
                "away"
            ) from None


def of_the_disk(error: Exception) -> OSError | None:
    """The disk's own error where that is what went wrong: DuckDB has its number in its words."""
    found = re.search(r'"errno":"(\d+)"', str(error))
    number = int(found[1]) if found else 0
    return OSError(number, os.strerror(number)) if number in DISK else None
