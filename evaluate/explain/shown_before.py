"""What a log says a member was shown of a title, and when that changed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.errors import BadInput
from data.reading.duckdb_session import by_name, reading
from data.records import TitleId
from data.schema_cast import parquet_files

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = 10
"""Changes that are told, the last ones."""


@dataclass(frozen=True)
class ShownSince:
    """An artwork that a member was shown, from the first decision that showed it on."""

    since: str
    """ISO 8601, UTC."""
    artwork_id: str
    bundle: str | None
    propensity: float
    decisions: int
    """That showed it before another came."""


def shown_before(log: Path, profile_id: str, title: TitleId) -> list[ShownSince]:
    """Artworks that a log's decisions showed a member of a title, the newest first.

    Args:
        log: folder of Parquet by day with decisions in it, as `python -m data roll` makes it.
        profile_id: as it is logged.
        title: whose artwork.

    Raises:
        BadInput: there are no decisions in it.
    """
    folder = log / "decisions" if (log / "decisions").is_dir() else log
    files = [by_name(file) for file in parquet_files(folder)]
    if not files:
        raise BadInput(f"--log {log}: no decisions as Parquet; `python -m data roll` makes them")
    query = """
        WITH rows AS (
            SELECT time, action, bundle, propensity,
                action IS DISTINCT FROM lag(action) OVER (ORDER BY time, decision_id) AS turn,
                decision_id
            FROM read_parquet(?, union_by_name = true, hive_partitioning = false)
            WHERE profile_id = ? AND title_id = ?
        ), runs AS (SELECT *, sum(turn::INT) OVER (ORDER BY time, decision_id) AS run FROM rows)
        SELECT epoch_us(min(time)), min_by(action, time), min_by(bundle, time),
            min_by(propensity, time), count(*)
        FROM runs GROUP BY run ORDER BY run DESC LIMIT ?
    """
    with reading(f"log {log}") as opened:
        found = opened.execute(query, [files, profile_id, title, MOST]).fetchall()
    return [
        ShownSince((EPOCH + timedelta(microseconds=us)).isoformat(timespec="minutes"), *rest)
        for us, *rest in found
    ]
