"""What is wrong with a user's file: by file, column and row, with the remedy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

SHOWN = 20
"""Rows of one kind that are written out; the rest is counted."""


class WrongRow(NamedTuple):
    """One row that makes a mistake."""

    row: int | None
    """0 is the file's first; None: the file, or the column, as a whole."""
    what: str


@dataclass(frozen=True)
class Problem:
    """One kind of mistake in one file, with the first rows that make it."""

    kind: str
    """A short name: null, propensity, unknown artwork …"""
    file: str
    column: str | None
    """None: the file as a whole."""
    rows: tuple[WrongRow, ...]
    """SHOWN at most."""
    count: int
    """All rows that make this mistake."""
    remedy: str

    def lines(self) -> Iterator[str]:
        """One line a row that is shown, then the count of the others."""
        where = self.file if self.column is None else f"{self.file}, column {self.column}"
        for row, what in self.rows:
            at = where if row is None else f"{where}, row {row}"
            yield f"{at}: {what}; {self.remedy}"
        if self.count > len(self.rows):
            more = self.count - len(self.rows)
            yield f"{where}: {more:,} more rows like these ({self.kind})"

    def __str__(self) -> str:
        more = f" ({self.count:,} rows are like this)" if self.count > 1 else ""
        return next(self.lines()) + more


class Fault(NamedTuple):
    """A mistake that rows can make, and what to do about it."""

    kind: str
    column: str
    remedy: str

    def in_rows(
        self, file: Path | str, wrong: Bool[np.ndarray, " rows"], what: Callable[[int], str]
    ) -> Iterator[Problem]:
        """One problem, if any row is wrong; `what` says what is wrong with a row."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            shown = tuple(WrongRow(int(row), what(int(row))) for row in rows[:SHOWN])
            yield Problem(self.kind, str(file), self.column, shown, len(rows), self.remedy)


def whole(kind: str, file: Path | str, column: str | None, what: str, remedy: str) -> Problem:
    """A problem of a file or a column as a whole."""
    return Problem(kind, str(file), column, (WrongRow(None, what),), 1, remedy)
