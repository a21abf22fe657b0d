"""What runs the join's SQL: on this machine or on many, with the same rows.

The commands know an engine by this protocol alone; `open_engine` says which there are.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from data.join.day_files import DayResult
from data.join.events.worth import Worth
from data.records import KIND_COLUMNS
from data.sound import MOST_MINUTES, MOST_VALUE

View = Literal["decisions", "known", "events", "titles"]
"""What a view of join.sql selects from the log's files."""
OPTIONAL = ("value", "own")
"""Columns of events that are read where something that is declared needs them."""
PAGE = {
    "page_id": "STRING",
    "page_slot": "SMALLINT",
    "left_artwork": "STRING",
    "right_artwork": "STRING",
    "slot_propensity": "DOUBLE",
}
"""Column of decisions that say their page → its type in SQL."""
SOUND = {
    "minutes": f"""CASE WHEN minutes BETWEEN 0 AND {MOST_MINUTES} AND NOT isnan(minutes)
        THEN abs(minutes) END""",
    "thumb": "CASE WHEN thumb = -1 OR thumb = 1 THEN thumb END",
    "value": f"""CASE WHEN value BETWEEN -{MOST_VALUE} AND {MOST_VALUE} AND NOT isnan(value)
        THEN CAST(floor(value * CAST(1000000 AS DOUBLE) + CAST(0.5 AS DOUBLE)) AS BIGINT) END""",
}
"""Column of an event → what is believed of it.

A value becomes millionths. NaN is asked for by name: a footer's largest value leaves it out, and
engines believe the footer. And of -0 and 0, which are equal, each engine takes another for the
larger.
"""
NOT_READ = {"value": "CAST(NULL AS BIGINT)", "own": "CAST(NULL AS STRING)"}
"""Optional column → what stands in its place: a log of an earlier version has none."""
DayWriter = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""Sorted rows of the join → a row of DAY_RESULT for each day that it staged."""


def page_columns(there: Collection[str]) -> str:
    """What views of decisions select of PAGE, nulls where the log does not have them; and kinds."""
    paged = [
        name if name in there else f"CAST(NULL AS {kind}) AS {name}" for name, kind in PAGE.items()
    ]
    return ", ".join([*paged, *_kinds(there)])


def kind_words(there: Collection[str]) -> dict[str, str]:
    """The words of join.sql that carry KIND_COLUMNS along; empty where the log has none."""
    names = _kinds(there)
    return {
        "beside": "".join(f", {name}" for name in names),
        "copied_beside": "".join(f", c.{name}" for name in names),
    }


def _kinds(there: Collection[str]) -> list[str]:
    return [name for name in KIND_COLUMNS.names if name in there]


class Engine(Protocol):
    """Runs the join's SQL over Parquet files."""

    def view(
        self,
        name: str,
        kind: View,
        files: Sequence[Path],
        times: tuple[int, int],
        optional: Collection[str] = (),
    ) -> None:
        """Lay a view over files; of decisions, known and events only those within `times` (µs).

        Args:
            name: of the view.
            kind: what it selects.
            files: that follow their schema.
            times: from and until.
            optional: which of OPTIONAL the files of events have, or of BESIDE_COLUMNS those of
                decisions.
        """
        ...

    def focus(self) -> None:
        """Narrow the view of events to what may concern the decisions in view, if that pays."""
        ...

    def query(self, sql: str) -> list[tuple]:
        """All rows of a small result."""
        ...

    def value(self, worth: Worth) -> str:
        """The last columns of join.sql: reward and metrics, or what `write` makes them of."""
        ...

    def write(self, sql: str, writer: DayWriter, worth: Worth) -> list[DayResult]:
        """Send the rows of the join through the writer, sorted within each day; its results.

        Rewards are what DuckDB makes of their expressions, whatever else the engine runs on.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
