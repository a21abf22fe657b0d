"""The join's scaled engine: the same SQL on Spark, one task a day writing its own file.

Without a cluster it runs on `local[2]`, on 127.0.0.1. Elsewhere the folder of examples must be on
storage that driver and executors share.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from data.days import DAY_US
from data.errors import BadInput
from data.join.day_files import DayResult
from data.join.engine import SOUND, DayWriter, View

if TYPE_CHECKING:  # an optional package
    from pyspark.sql import SparkSession

ROOT = str(Path(__file__).resolve().parents[2])
DAY_COLUMNS = (
    "day bigint, path string, examples bigint, waiting bigint, next_close bigint, "
    "reward double, worthless bigint"
)
COLUMNS: dict[View, str] = {
    "decisions": """decision_id, unix_micros(time) AS decided_at, profile_id, title_id, facts,
        candidates, action, propensity, policy, bundle, level, cell, schema_version""",
    "events": f"""event_id, kind, unix_micros(time) AS happened_at,
        unix_micros(received) AS received_at, decision_id, profile_id, title_id,
        artwork_id, device, surface, `row` AS shelf, `column` AS slot,
        {SOUND["minutes"]} AS minutes, {SOUND["thumb"]} AS thumb""",
    "known": "decision_id, unix_micros(time) AS decided_at",
    "titles": "title_id, runtime_minutes",
}
"""View → what it selects from the Parquet files."""


def session(scratch: Path, memory: str) -> tuple["SparkSession", bool]:
    """The running Spark session, or a new one (`MARQUEE_SPARK_MASTER`, else local[2]).

    Returns:
        The session, and whether it is new.

    Raises:
        BadInput: pyspark or Java is not there.
    """
    try:  # an optional package
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise BadInput(
            "the engine spark needs pyspark and Java 17; install the extra 'spark', "
            "or use --engine duckdb"
        ) from error
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = (
        SparkSession.builder.appName("marquee join")  # pyright: ignore[reportAttributeAccessIssue]
        .master(os.environ.get("MARQUEE_SPARK_MASTER", "local[2]"))
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", memory.replace("GB", "g").replace("MB", "m"))
        .config("spark.local.dir", str(scratch))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.executorEnv.PYTHONPATH", ROOT)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "32768")
    )
    try:
        running = SparkSession.getActiveSession() is not None
        return builder.getOrCreate(), not running
    except (PySparkException, OSError) as error:
        raise BadInput(
            f"Spark did not start ({error}); it needs Java 17 on PATH, or use --engine duckdb"
        ) from error


@contextmanager
def refused() -> Iterator[None]:
    """Spark's own errors as words for a user; also as a decorator.

    Raises:
        BadInput: Spark raised something.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise BadInput(
            f"Spark cannot join the log ({str(error).splitlines()[0]}); see its own log, and what "
            "`python -m data check` says of the joined one"
        ) from None


class Spark:
    """Runs the join's SQL on Spark."""

    def __init__(self, scratch: Path, memory: str = "2GB") -> None:
        self.spark, self.ours = session(scratch, memory)

    @refused()
    def view(self, name: str, kind: View, files: Sequence[Path], times: tuple[int, int]) -> None:
        """Lay a view over files: decisions, known, events or titles, within `times` (µs)."""
        rows = self.spark.read.parquet(*(str(file) for file in files))
        start, stop = (f"timestamp_micros({t})" for t in times)
        if kind in ("decisions", "known"):
            rows = rows.where(f"time >= {start} AND time < {stop}")
        if kind == "events":
            rows = rows.where(
                f"time >= {start} AND received >= {start} AND (time < {stop} OR received < {stop})"
            )
        rows.selectExpr(*COLUMNS[kind].split(",")).createOrReplaceTempView(name)

    def focus(self) -> None:
        """Nothing to do: Spark's own shuffles put together what belongs together."""

    @refused()
    def query(self, sql: str) -> list[tuple]:
        """All rows of a small result."""
        return [tuple(row) for row in self.spark.sql(sql).collect()]

    @refused()
    def write(self, sql: str, writer: DayWriter) -> list[DayResult]:
        """Send each day's sorted rows through the writer, in tasks; its results."""
        rows = self.spark.sql(sql)
        rows = rows.selectExpr("*", f"CAST(floor(decided_at / {DAY_US}) AS BIGINT) AS day")
        days = rows.repartition("day").sortWithinPartitions("decided_at", "decision_id").drop("day")
        return [DayResult(**row.asDict()) for row in days.mapInArrow(writer, DAY_COLUMNS).collect()]

    def close(self) -> None:
        """Stop Spark, unless it was running already."""
        if self.ours:
            self.spark.stop()
