"""Rows as a file has them, before a map says what they are."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from data.errors import BadInput

ROWS = 65_536
"""Rows read at once, or about as many."""


NULLS = ("", "null", "NULL", "\\N", "NaN", "nan", "None")


class CsvLayout(NamedTuple):
    """What a CSV does not say of itself."""

    delimiter: str | None = None
    """None: the one that its first line has most of."""
    encoding: str = "utf8"
    decimal: str = "."
    nulls: Sequence[str] = NULLS
    """Texts that say that there is no value."""


class BrokenRow(NamedTuple):
    """A row that is none."""

    row: int
    why: str
    text: str


class RawRows(NamedTuple):
    """Some rows of a file."""

    file: Path
    first: int
    """Number of the first row in its file, 0 is the file's first; broken rows count."""
    table: pa.Table
    broken: Sequence[BrokenRow] = ()

    def numbers(self) -> Int[np.ndarray, " rows"]:
        """Number of each row of the table in its file."""
        every = np.arange(self.first, self.first + len(self.table) + len(self.broken))
        return np.setdiff1d(every, [one.row for one in self.broken])[: len(self.table)]


def refuse_missing(file: Path, wanted: Iterable[str], there: Sequence[str]) -> None:
    """Refuse a file that has not every column that is wanted.

    Raises:
        BadInput: by the first that it has not, with those that it has.
    """
    for name in wanted:
        if name not in there:
            has = ", ".join(there[:40]) or "none"
            raise BadInput(f"{file} has no column {name!r}; it has {has}: see the map")


def byte_stream(file: Path) -> IO[bytes]:
    """A file's bytes, unpacked where its name ends in .gz."""
    if file.name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(file, "rb"))
    return file.open("rb")
