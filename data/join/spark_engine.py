"""The join's scaled engine: the same SQL on Spark, one task a day writing its own file.

Executors read the log's files and write the days' themselves, so both must be on storage that they
share with the driver; they are asked before work begins.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from data.days import DAY_US
from data.join.day_files import DayResult
from data.join.engine import NOT_READ, SOUND, DayWriter, View, page_columns
from data.join.events.valued import valued
from data.join.events.worth import Worth
from data.spark.executors import refuse_unseen
from data.spark.session import is_here, open_spark, refused

DAY_COLUMNS = (
    "day bigint, path string, examples bigint, waiting bigint, next_close bigint, "
    "reward double, worthless bigint, outside bigint, fault string, growing bigint"
)
EVENTS = f"""event_id, kind, unix_micros(time) AS happened_at,
    unix_micros(received) AS received_at, decision_id, profile_id, title_id,
    artwork_id, device, surface, `row` AS shelf, `column` AS slot,
    {SOUND["minutes"]} AS minutes, {SOUND["thumb"]} AS thumb"""
COLUMNS: dict[View, str] = {
    "decisions": """decision_id, unix_micros(time) AS decided_at, profile_id, title_id, facts,
        candidates, action, propensity, policy, bundle, level, cell, schema_version""",
    "events": EVENTS,
    "known": "decision_id, unix_micros(time) AS decided_at",
    "titles": "title_id, runtime_minutes",
}
"""View → what it selects from the Parquet files."""
JOIN = "join the log"


class Spark:
    """Runs the join's SQL on Spark.

    Args:
        scratch: folder for what it spills, and where executors put the days' files.
        memory: of the driver.
        master: URL, see `data.spark.session.open_spark`.
    """

    def __init__(self, scratch: Path, memory: str = "2GB", master: str | None = None) -> None:
        scratch = scratch.resolve()
        self._opened = open_spark("marquee join", master, memory, scratch, shared=scratch)
        self.spark = self._opened.session
        self._seen: set[Path] = set()

    @refused(JOIN)
    def view(
        self,
        name: str,
        kind: View,
        files: Sequence[Path],
        times: tuple[int, int],
        optional: Collection[str] = (),
    ) -> None:
        """Lay a view over files: decisions, known, events or titles, within `times` (µs)."""
        files = [file.absolute() for file in files]  # as named: links stand for odd names
        self._look_for(files)
        rows = self.spark.read.parquet(*(str(file) for file in files))
        start, stop = (f"timestamp_micros({t})" for t in times)
        if kind in ("decisions", "known"):
            rows = rows.where(f"time >= {start} AND time < {stop}")
        columns = COLUMNS[kind].split(",")
        if kind == "decisions":
            columns += page_columns(optional).split(", ")
        if kind == "events":
            there = {"value": SOUND["value"], "own": "own"}
            columns += [
                f"{there[one] if one in optional else null} AS {one}"
                for one, null in NOT_READ.items()
            ]
            rows = rows.where(
                f"time >= {start} AND received >= {start} AND (time < {stop} OR received < {stop})"
            )
        rows.selectExpr(*columns).createOrReplaceTempView(name)

    def _look_for(self, files: Sequence[Path]) -> None:
        """Refuse files that executors do not see, one of each folder, once."""
        firsts = {file.parent: file for file in files if file.parent not in self._seen}
        if firsts and not is_here(self.spark):
            refuse_unseen(self.spark, firsts.values())
        self._seen.update(firsts)

    def focus(self) -> None:
        """Nothing to do: Spark's own shuffles put together what belongs together."""

    @refused(JOIN)
    def query(self, sql: str) -> list[tuple]:
        """All rows of a small result."""
        return [tuple(row) for row in self.spark.sql(sql).collect()]

    def value(self, worth: Worth) -> str:
        """What reward and metrics are computed from, by DuckDB in the tasks that write the days."""
        return worth.raw()

    @refused(JOIN)
    def write(self, sql: str, writer: DayWriter, worth: Worth) -> list[DayResult]:
        """Send each day's sorted rows through the writer, in tasks; its results."""
        rows = self.spark.sql(sql)
        rows = rows.selectExpr("*", f"CAST(floor(decided_at / {DAY_US}) AS BIGINT) AS day")
        days = rows.repartition("day").sortWithinPartitions("decided_at", "decision_id").drop("day")
        done = days.mapInArrow(partial(_valued_days, writer, worth), DAY_COLUMNS).collect()
        return [DayResult(**row.asDict()) for row in done]

    def close(self) -> None:
        """Stop Spark, unless it was running already."""
        self._opened.close()


def _valued_days(
    writer: DayWriter, worth: Worth, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Rows of a task's days, with their rewards, through the writer."""
    return writer(valued(batches, worth))
