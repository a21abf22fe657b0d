"""From the embedded log to Parquet by day, exactly once in effect.

A roll first commits what it is about to move (`plan`), then writes files whose names follow from
the plan, then deletes the records and the plan in one transaction. Killed anywhere, the next roll
carries out the same plan: the same files, replaced by the same content.
"""

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from data.errors import BadInput
from data.log.embedded import DATABASE, Turn, connect
from data.log.parquet import append_table, retire
from data.log.records import SCHEMAS, decode_each

CHUNK = 50_000
REJECTED = "rejected.jsonl"


def roll(log_dir: Path | str, chunk: int = CHUNK) -> dict[str, int]:
    """Move what the embedded log holds into `decisions/day=…` and `events/day=…`.

    Serving goes on appending meanwhile; a second roll waits for the first. Records that do not
    fit their schema go to `rejected.jsonl`, never lost and never in the way.

    Returns:
        decisions, events (records moved), files, rejected.

    Raises:
        BadInput: there is no embedded log in the folder.
    """
    log_dir = Path(log_dir)
    if not (log_dir / DATABASE).is_file():
        raise BadInput(f"{log_dir} holds no {DATABASE}; give the folder that serving logs to")
    moved = {"decisions": 0, "events": 0, "files": 0, "rejected": 0}
    connection = connect(log_dir)
    try:
        with Turn(log_dir, ".roll.lock"):
            for aside in (f for kind in SCHEMAS for f in (log_dir / kind).rglob(".roll-*.tmp")):
                aside.unlink(missing_ok=True)
            while _roll_chunk(connection, log_dir, chunk, moved):
                pass
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()
    return moved


def _roll_chunk(
    connection: sqlite3.Connection, log_dir: Path, chunk: int, moved: dict[str, int]
) -> bool:
    """Carry out the plan that is there, or make one; False once the log is empty."""
    planned = connection.execute("SELECT last FROM plan").fetchone()
    if planned is None:
        planned = connection.execute(
            "SELECT max(seq) FROM (SELECT seq FROM records ORDER BY seq LIMIT ?)", (chunk,)
        ).fetchone()
        if planned[0] is None:
            return False
        with Turn(log_dir):
            connection.execute("INSERT INTO plan VALUES (?)", planned)
    [last] = planned
    [name] = connection.execute("SELECT name FROM name").fetchone()
    for kind in SCHEMAS:
        bodies = [
            bytes(body) for (body,) in connection.execute(
                "SELECT body FROM records WHERE seq <= ? AND kind = ? ORDER BY seq", (last, kind)
            )
        ]  # fmt: skip
        if not bodies:
            continue
        table, rejected = decode_each(kind, bodies)
        files = append_table(log_dir, kind, table, f"roll-{name[:12]}-{last:012}")
        if rejected:
            with (log_dir / REJECTED).open("ab") as file:
                file.writelines(body + b"\n" for body in rejected)
        moved[kind] += table.num_rows
        moved["files"] += len(files)
        moved["rejected"] += len(rejected)
    with Turn(log_dir):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM records WHERE seq <= ?", (last,))
        connection.execute("DELETE FROM plan")
        connection.execute("COMMIT")
    return True


def roll_command(
    log: Path,
    redis: str | None = None,
    keep_days: int | None = None,
    today: str | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Move the log into Parquet by day, where the join reads it; safe to run at any time.

    Args:
        log: the folder that serving logs to.
        redis: drain this Redis log (redis://host:port/db) instead of the embedded one.
        keep_days: also remove days that are older than this many; all are kept if not given. Keep
            more than the join's horizon and window (32), or late examples are never made.
        today: the day that age is counted from, as 2026-01-31; the machine's UTC date if not
            given.
        json: print one JSON object.
    """
    if redis is not None:
        from data.log.redis_log import RedisLog

        with RedisLog(redis, durable=False) as stream:
            moved: dict[str, Any] = stream.drain(log)
    else:
        moved = roll(log)
    retired: list[str] = []
    if keep_days is not None:
        try:
            day = date.fromisoformat(today) if today else datetime.now(UTC).date()
            retired = retire(log, keep_days, day)
        except ValueError as error:
            raise BadInput(f"--today {today}, --keep-days {keep_days}: {error}") from error
    return {**moved, "retired": retired}
