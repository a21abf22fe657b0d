"""Ways in which rows that belong together can be wrong, and the first of each in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb

from data.problem import Problem, whole


class Flaw(NamedTuple):
    """A way in which pages or decisions can be wrong: those that are, and what to say of one."""

    column: str
    query: str
    """Gives a row each that is wrong: its id, and what is wrong with it."""
    remedy: str


class Unit(NamedTuple):
    """What can be wrong as a whole."""

    problem: str
    """Kind of the problem."""
    name: str
    more: str
    """How many others are said to be wrong, with `count`."""


def flawed(
    connection: duckdb.DuckDBPyConnection, flaw: Flaw, rows: Path, unit: Unit
) -> Iterator[Problem]:
    """One problem for all that are wrong in one way.

    Args:
        connection: with the views that the flaw asks.
        flaw: which way.
        rows: where they were read from.
        unit: what is counted.
    """
    name, words, count = connection.execute(
        f"SELECT min(name), arg_min(words, name), count(DISTINCT name)"
        f" FROM ({flaw.query}) AS flaws(name, words)"
    ).fetchall()[0]
    if count:
        more = "" if count == 1 else f" ({unit.more.format(count=count - 1)})"
        what = f"{unit.name} {name} {words}{more}"
        yield whole(unit.problem, rows, flaw.column, what, flaw.remedy)
