"""How the join grows: seconds and memory at several sizes, beside a bare scan of the same bytes."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.measured import in_own_process, log_slope
from data.days import DAY_US
from data.errors import BadInput
from data.join.join import join as join_log
from data.join.open_engine import EngineSettings

DAYS = 10
COUNTS = "MAP {'comedy': 3::FLOAT, 'drama': 1::FLOAT, 'crime': 2::FLOAT}"


def write_log(folder: Path, decisions: int) -> int:
    """A log of ten days made by DuckDB: 4 in 5 rendered, 2 in 5 of those played; its bytes.

    A duplicate in every hundred decisions, a late event in every fifty, a play without decision
    id in every five.
    """
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false; SET memory_limit = '3GB'")
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    start = "TIMESTAMPTZ '2026-01-01 00:00:00+00'"
    span = DAYS * DAY_US
    for day in range(DAYS):
        first, last = decisions * day // DAYS, decisions * (day + 1) // DAYS
        at = f"({start} + to_microseconds(CAST(i AS BIGINT) * {span} // {decisions}))"
        who = "'profile-' || (i % 999983)::VARCHAR AS profile_id, (i % 6007) + 1 AS title_id"
        place = folder / "decisions" / f"day=2026-01-{day + 1:02}"
        place.mkdir(parents=True)
        connection.execute(f"""
            COPY (
                SELECT 1::SMALLINT AS schema_version, md5(i::VARCHAR) AS decision_id, {at} AS time,
                    {who},
                    {{country: 'BR', language: 'pt', device: NULL::VARCHAR, surface: NULL::VARCHAR,
                      row: NULL::SMALLINT, "column": NULL::SMALLINT, day_part: 'evening',
                      tenure_days: (i % 900)::FLOAT, watched_genres: {COUNTS},
                      watched_cast: {COUNTS}}} AS facts,
                    ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'] AS candidates,
                    'a' || (i % 6 + 1)::VARCHAR AS action, 1 / 6 AS propensity,
                    [1/6, 1/6, 1/6, 1/6, 1/6, 1/6]::DOUBLE[] AS probabilities, 'uniform' AS policy,
                    NULL::VARCHAR AS bundle, hash(i) AS seed, 'personalised' AS level,
                    NULL::VARCHAR AS cell
                FROM (
                    SELECT i FROM range({first}, {last}) r(i)
                    UNION ALL SELECT i FROM range({first}, {last}) r(i) WHERE i % 100 = 0
                )
            ) TO '{place}/part.parquet' (FORMAT parquet, COMPRESSION zstd)""")
        place = folder / "events" / f"day=2026-01-{day + 1:02}"
        place.mkdir(parents=True)
        late = "CASE WHEN i % 50 = 0 THEN to_hours(60) ELSE to_seconds(3) END"
        connection.execute(f"""
            COPY (
                SELECT 1::SMALLINT AS schema_version, md5(kind || i::VARCHAR) AS event_id, kind,
                    {at} + to_hours(after) AS time, {at} + to_hours(after) + {late} AS received,
                    CASE WHEN kind <> 'impression' AND i % 5 = 0 THEN NULL
                        ELSE md5(i::VARCHAR) END AS decision_id,
                    {who}, 'a' || (i % 6 + 1)::VARCHAR AS artwork_id, 'tv' AS device,
                    'home' AS surface, (i % 9)::SMALLINT AS "row", (i % 40)::SMALLINT AS "column",
                    CASE WHEN kind = 'progress' THEN (i % 97)::FLOAT END AS minutes,
                    NULL::TINYINT AS thumb
                FROM range({first}, {last}) r(i),
                    (VALUES ('impression', 1), ('play', 2), ('progress', 3)) k(kind, after)
                WHERE i % 5 < 4 AND (kind = 'impression' OR hash(i) % 5 < 2)
            ) TO '{place}/part.parquet' (FORMAT parquet, COMPRESSION zstd)""")
    connection.execute(f"""
        COPY (SELECT i AS title_id, (20 + i % 100)::FLOAT AS runtime_minutes
            FROM range(1, 6008) r(i)) TO '{folder}/titles.parquet' (FORMAT parquet)""")
    connection.close()
    return sum(file.stat().st_size for file in folder.rglob("*.parquet"))


def scan(folder: Path) -> float:
    """Seconds that DuckDB takes to read every column of the log and do nothing with it."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '2GB'; SET enable_progress_bar = false")
    began = time.perf_counter()
    for kind in ("decisions", "events"):
        source = f"read_parquet('{folder}/{kind}/**/*.parquet', hive_partitioning = false)"
        names = [row[0] for row in connection.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        counts = ", ".join(f'count("{name}"), max(hash("{name}"))' for name in names)
        connection.sql(f"SELECT {counts} FROM {source}").fetchall()
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def joined(folder: Path, out: Path, memory: str) -> int:
    """Join a log; how many examples there are."""
    return join_log(folder, None, out, engine=EngineSettings(memory=memory)).examples


def join(
    sizes: list[int] | None = None,
    memory: str = "2GB",
    folder: Path | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Join 10⁵, 10⁶ and 10⁷ decisions; slope 1 is linear time.

    Args:
        sizes: how many decisions; 100000, 1000000 and 10000000 if not given.
        memory: what DuckDB may hold before it spills.
        folder: where logs are made and removed; a temporary folder if not given.
        quick: 1000 and 2000 decisions if no sizes are given: to see that it works.
    """
    sizes = sizes or ([1000, 2000] if quick else [10**5, 10**6, 10**7])
    if min(sizes) < 1000:
        raise BadInput(f"--sizes {sizes} holds fewer than 1000 decisions; that measures nothing")
    rows = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for decisions in sizes:
            log, out = Path(scratch) / f"log-{decisions}", Path(scratch) / f"examples-{decisions}"
            size = write_log(log, decisions)
            bare = scan(log)
            examples, spent = in_own_process(joined, log, out, memory)
            rows.append(
                {
                    "decisions": decisions,
                    "log_bytes": size,
                    "examples": examples,
                    "seconds": round(spent.seconds, 3),
                    "cpu_seconds": round(spent.cpu_seconds, 3),
                    "scan_seconds": round(bare, 3),
                    "times_scan": round(spent.seconds / bare, 2),
                    "decisions_per_second": round(decisions / spent.seconds),
                    "peak_bytes": spent.peak_bytes,
                }
            )
            print(rows[-1], file=sys.stderr)
            shutil.rmtree(log)
            shutil.rmtree(out)
    slope = log_slope(sizes, [row["seconds"] for row in rows])
    return {"memory_limit": memory, "cores": os.cpu_count(), "slope": slope, "sizes": rows}
