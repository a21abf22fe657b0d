"""The join's embedded engine: DuckDB over the log's Parquet files, spilling to disk."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from data.errors import BadInput, first_line
from data.join.day_files import DayResult
from data.join.engine import NOT_READ, SOUND, DayWriter, View, page_columns
from data.join.events.worth import Worth
from data.reading.duckdb_session import of_the_disk, session

ROWS_A_BATCH = 32_768


def decisions_view(source: str, optional: Collection[str] = ()) -> str:
    """The columns of the `decisions` view, over a DuckDB table expression.

    Args:
        source: the expression.
        optional: which of the columns of pages it has.
    """
    return f"""
        SELECT decision_id, epoch_us(time) AS decided_at, profile_id, title_id, facts, candidates,
            action, propensity, policy, bundle, level, cell, schema_version,
            {page_columns(optional)}
        FROM {source}"""


def events_view(source: str, optional: Collection[str] = ()) -> str:
    """The columns of the `events` view, over a DuckDB table expression.

    Args:
        source: the expression.
        optional: which optional columns it has.
    """
    value = SOUND["value"] if "value" in optional else NOT_READ["value"]
    own = "own" if "own" in optional else NOT_READ["own"]
    return f"""
        SELECT event_id, kind, epoch_us(time) AS happened_at, epoch_us(received) AS received_at,
            decision_id, profile_id, title_id, artwork_id, device, surface, "row" AS shelf,
            "column" AS slot, {SOUND["minutes"]} AS minutes, {SOUND["thumb"]} AS thumb,
            {value} AS value, {own} AS own
        FROM {source}"""


def parquet(files: Sequence[Path]) -> str:
    """A DuckDB table expression over files that follow a schema, and may have columns beside."""
    names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"


def instant(microseconds: int) -> str:
    """A UTC time as DuckDB compares it with a Parquet column, so that row groups are skipped."""
    return f"make_timestamptz({microseconds})"


@contextmanager
def refused() -> Iterator[None]:
    """DuckDB's own errors as words for a user; also as a decorator.

    Raises:
        BadInput: DuckDB raised something.
        OSError: the disk did.
    """
    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        if full := of_the_disk(error):
            raise full from None
        raise BadInput(
            f"DuckDB cannot join the log ({first_line(error)}); give it more --memory or "
            "disk, and see what `python -m data check` says of the log"
        ) from None


class DuckDB:
    """Runs the join's SQL on this machine.

    Joins and sorts that outgrow `memory` spill to the scratch folder.
    """

    @refused()
    def __init__(self, scratch: Path, memory: str = "2GB", threads: int | None = None) -> None:
        self.connection = session()
        self.connection.execute(f"SET memory_limit = '{memory}'")
        spill = str(scratch / "spill").replace("'", "''")
        self.connection.execute(f"SET temp_directory = '{spill}'")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET preserve_insertion_order = false")
        if threads is not None:
            self.connection.execute(f"SET threads = {threads}")

    @refused()
    def view(
        self,
        name: str,
        kind: View,
        files: Sequence[Path],
        times: tuple[int, int],
        optional: Collection[str] = (),
    ) -> None:
        """Lay a view over files: decisions, known, events or titles, within `times` (µs)."""
        source = parquet(files)
        if kind == "titles":
            select = f"""
                SELECT title_id, min(runtime_minutes) AS runtime_minutes FROM {source}
                GROUP BY title_id"""
        elif kind in ("decisions", "known"):
            columns = "SELECT decision_id, epoch_us(time) AS decided_at FROM " + source
            select = (columns if kind == "known" else decisions_view(source, optional)) + (
                f" WHERE time >= {instant(times[0])} AND time < {instant(times[1])}"
            )
        else:
            # An event counts at its time or its receipt, whichever is earlier: see join.sql.
            start, stop = instant(times[0]), instant(times[1])
            select = events_view(source, optional) + (
                f" WHERE time >= {start} AND received >= {start}"
                f" AND (time < {stop} OR received < {stop})"
            )
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}")

    @refused()
    def focus(self) -> None:
        """Read the events once, and of them only what may concern the decisions in view."""
        self.connection.execute("""
            CREATE OR REPLACE TEMP TABLE concerned AS
            SELECT decision_id, profile_id, title_id FROM decisions""")
        self.connection.execute("""
            CREATE OR REPLACE TEMP TABLE focused AS
            SELECT * FROM events
            WHERE decision_id IN (SELECT decision_id FROM concerned)
                OR ((kind = 'impression' OR decision_id IS NULL)
                    AND (profile_id, title_id) IN (SELECT (profile_id, title_id) FROM concerned))
            """)
        self.connection.execute("CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM focused")

    @refused()
    def query(self, sql: str) -> list[tuple]:
        """All rows of a small result."""
        return self.connection.execute(sql).fetchall()

    def value(self, worth: Worth) -> str:
        """Reward and metrics themselves."""
        return worth.values()

    @refused()
    def write(self, sql: str, writer: DayWriter, worth: Worth) -> list[DayResult]:
        """Stream the sorted rows of the join through the writer; its results."""
        ordered = f"SELECT * FROM ({sql}) ORDER BY decided_at, decision_id"
        rows = self.connection.sql(ordered).to_arrow_reader(ROWS_A_BATCH)
        return [DayResult(**row) for batch in writer(rows) for row in batch.to_pylist()]

    def close(self) -> None:
        """Let go of memory and spill files."""
        self.connection.close()
