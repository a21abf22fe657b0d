"""What is wrong with a user's file: by file, column and row, with the remedy."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

SHOWN = 20
"""Rows of one kind that are written out; the rest is counted."""


@dataclass(frozen=True)
class Problem:
    """One kind of mistake in one file, with the first rows that make it."""

    kind: str
    """A short name: null, propensity, unknown artwork …"""
    file: str
    column: str | None
    """None: the file as a whole."""
    rows: tuple[tuple[int | None, str], ...]
    """Row (0 is the file's first) and what is wrong there, SHOWN at most."""
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

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        return asdict(self) | {"rows": [{"row": row, "what": what} for row, what in self.rows]}

    def __str__(self) -> str:
        more = f" ({self.count:,} rows are like this)" if self.count > 1 else ""
        return next(self.lines()) + more


def whole(kind: str, file: Path | str, column: str | None, what: str, remedy: str) -> Problem:
    """A problem of a file or a column as a whole."""
    return Problem(kind, str(file), column, ((None, what),), 1, remedy)


def in_rows(
    kind: str,
    file: Path | str,
    column: str,
    wrong: Bool[np.ndarray, " rows"],
    what: Callable[[int], str],
    remedy: str,
) -> Iterator[Problem]:
    """One problem, if any row is wrong; `what` says what is wrong with a row."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        shown = tuple((int(row), what(int(row))) for row in rows[:SHOWN])
        yield Problem(kind, str(file), column, shown, len(rows), remedy)
