"""`python -m data join`: the examples that training reads, from a log."""

from datetime import UTC, datetime
from pathlib import Path

from data.errors import BadInput
from data.join.attribution import Attribution
from data.join.join import JoinReport, join
from data.join.open_engine import EngineSettings


# Each parameter is an option of the command.
def join_command(
    log: Path = Path("artifacts/log"),
    catalogue: Path | None = None,
    out: Path = Path("artifacts/examples"),
    engine: str = "duckdb",
    reward: str | None = None,
    window_hours: float = 48,
    now: str | None = None,
    rebuild: bool = False,
    memory: str = "2GB",
    master: str | None = None,
) -> JoinReport:
    """Join decisions with their impressions and engagement: the examples that training reads.

    A second run joins only the days that new log files touch or whose windows have closed since.

    Args:
        log: folder with decisions/ and events/ of Parquet files.
        catalogue: folder with titles.parquet, for the titles' runtimes.
        out: the examples' folder, one file a day.
        engine: duckdb (this machine) or spark.
        reward: take, play, minutes, one that schema.yaml beside the catalogue declares, or your own
            as 'name=SQL expression' over played, minutes, runtime_minutes, thumb and columns of
            events such as share_count (docs/rewards.md); if not given the one that schema.yaml
            maximises, else take.
        window_hours: how long after the first impression engagement counts.
        now: windows that close after it wait, as 2026-01-31T00:00; the log's own clock if not
            given.
        rebuild: join every day again.
        memory: what DuckDB may hold before it spills to disk.
        master: of Spark, such as spark://host:7077 or local[2]; this machine's cores if not given,
            and under spark-submit what was given there.
    """
    moment = None
    if now is not None:
        try:
            moment = datetime.fromisoformat(now)
        except ValueError:
            raise BadInput(f"--now {now!r} is not a time; write it as 2026-01-31T00:00") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return join(
        log,
        catalogue,
        out,
        attribution=Attribution(window_hours),
        now=moment,
        reward=reward,
        engine=EngineSettings(engine, memory, master=master),
        rebuild=rebuild,
    )
