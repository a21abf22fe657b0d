"""From the embedded log to Parquet by day, exactly once in effect.

A roll first commits what it is about to move (`moving`), then writes files whose names follow
from that, then notes how far the segment was rolled in the same transaction that ends the move.
Killed anywhere, the next roll carries out the same move: the same files, replaced by the same
content.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import sqlite3
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from data.atomic_write import sync
from data.errors import BadInput, Unavailable, first_line
from data.log.damage import keep_aside, keep_rejected, set_aside
from data.log.embedded import DATABASE, WriterTurn, connect
from data.log.expand_runs import expand
from data.log.journal import FOLDER, Chunk, abandoned, chunks, clear, segments
from data.log.parquet import append_table, retire
from data.log.precompute_runs import FOLDER as RUNS
from data.log.precompute_runs import UNREADABLE, filed_ids, retire_runs, run_files, run_time
from data.log.records import SCHEMAS, decode_each, rejected_line

CHUNK = 50_000
CHUNK_BYTES = 4 << 20
"""Bytes of bodies moved at once: some 60,000 decisions, whose table takes about 100 MB."""


def roll(log_dir: Path | str, chunk: int = CHUNK, keep_runs: bool = False) -> dict[str, int]:
    """Move what serving and precompute logged into `decisions/day=…` and `events/day=…`.

    Serving goes on appending meanwhile; a second roll waits for the first. Records that do not
    fit their schema go to `rejected.jsonl`, and a segment or run that is damaged to `damaged/`,
    with what can be read of it rolled: never lost and never in the way.

    Args:
        log_dir: folder that serving and precompute log to.
        chunk: records moved at once.
        keep_runs: leave precompute's runs as they are; the join looks up what was rendered.

    Returns:
        decisions, events (records moved), files, rejected, and damaged: stretches of segments that
        are no records, and files that are no input of a roll.

    Raises:
        BadInput: nothing was ever logged in the folder.
    """
    log_dir = Path(log_dir)
    parts = (log_dir / DATABASE, log_dir / RUNS, log_dir / FOLDER)
    if not any(part.exists() for part in parts):
        raise BadInput(
            f"{log_dir} holds no {DATABASE} and no {RUNS}/; give the folder that serving logs to"
        )
    moved = {"decisions": 0, "events": 0, "files": 0, "rejected": 0, "damaged": 0}
    connection = connect(log_dir)
    try:
        with WriterTurn(log_dir, ".roll.lock"):
            for aside in (f for kind in SCHEMAS for f in (log_dir / kind).rglob(".roll-*.tmp")):
                aside.unlink(missing_ok=True)
            clear(log_dir)
            _finish(connection, log_dir, moved)
            for path in segments(log_dir):
                try:
                    _roll_segment(connection, path, log_dir, chunk, moved)
                except ValueError as error:  # no segment at all
                    _lay_aside(path, log_dir, moved, error)
            for path in run_files(log_dir):
                if keep_runs:
                    _look_at_run(path, log_dir, moved)
                else:
                    _roll_run(path, log_dir, moved)
    finally:
        connection.close()
    return moved


def _lay_aside(
    path: Path, log_dir: Path, moved: dict[str, int], error: Exception, copy: bool = False
) -> None:
    """Say what is wrong with an input, and put it, or a copy, where it is in nobody's way."""
    kept = (keep_aside if copy else set_aside)(path, log_dir)
    moved["damaged"] += 1
    print(f"damaged: {path.name} ({first_line(error)}); it is kept in {kept}", file=sys.stderr)


def _finish(connection: sqlite3.Connection, log_dir: Path, moved: dict[str, int]) -> None:
    """Carry out the move that a roll had begun when it was killed."""
    for segment, start, stop in connection.execute("SELECT * FROM moving").fetchall():
        path = log_dir / FOLDER / segment
        if not path.is_file():  # whoever took it away took its records with it
            connection.execute("DELETE FROM moving WHERE segment = ?", (segment,))
            continue
        size = stop - start
        for chunk in chunks(path, start, rows=sys.maxsize, size=size, ended=abandoned(path)):
            _move(connection, path, chunk, log_dir, moved)
            break


def _roll_segment(
    connection: sqlite3.Connection, path: Path, log_dir: Path, rows: int, moved: dict[str, int]
) -> None:
    """Move what a segment holds, and the segment away once nobody writes it.

    Raises:
        ValueError: it is no segment.
    """
    ended = abandoned(path)  # asked first: what it holds from here on is all there will be
    known = connection.execute("SELECT offset FROM rolled WHERE segment = ?", (path.name,))
    [start] = known.fetchone() or (0,)
    for chunk in chunks(path, start, rows, CHUNK_BYTES, ended):
        for _ in range(chunk.damaged):
            error = ValueError(f"no record between {chunk.start:,} and {chunk.stop:,}")
            _lay_aside(path, log_dir, moved, error, copy=True)
        connection.execute(
            "INSERT INTO moving VALUES (?, ?, ?)", (path.name, chunk.start, chunk.stop)
        )
        _move(connection, path, chunk, log_dir, moved)
    if ended:
        # The file first: a row without a file is harmless, a file without its row is rolled twice.
        path.unlink()
        sync(path.parent)
        connection.execute("DELETE FROM rolled WHERE segment = ?", (path.name,))


def _roll_run(path: Path, log_dir: Path, moved: dict[str, int]) -> None:
    """Expand a run's decisions; done again after a kill it writes the same files."""
    part, tables = 0, _not_filed(path, log_dir)
    while True:
        try:
            table = next(tables, None)
        except UNREADABLE as error:
            _lay_aside(path, log_dir, moved, error)
            return
        if table is None:
            break
        files = append_table(log_dir, "decisions", table, f"{path.stem}-{part:03}")
        moved["decisions"] += table.num_rows
        moved["files"] += len(files)
        part += 1
    path.unlink()


def _not_filed(path: Path, log_dir: Path) -> Iterator[pa.Table]:
    """A run's rows but those that are in the log already, since they were rendered."""
    filed = filed_ids(log_dir, path)
    for table in expand(path):
        again = pc.is_in(table["decision_id"], value_set=filed) if len(filed) else None
        yield table if again is None else table.filter(pc.invert(again))


def _look_at_run(path: Path, log_dir: Path, moved: dict[str, int]) -> None:
    """Leave a run as it is, unless it is none."""
    try:
        run_time(path)
    except UNREADABLE as error:
        _lay_aside(path, log_dir, moved, error)


def _move(
    connection: sqlite3.Connection, path: Path, chunk: Chunk, log_dir: Path, moved: dict[str, int]
) -> None:
    """Write a chunk's files, under names that follow from where it lies, and note it as rolled."""
    [name] = connection.execute("SELECT name FROM name").fetchone()
    for kind in SCHEMAS:
        bodies = [body for of, body in chunk.rows if of == kind]
        if not bodies:
            continue
        tables, rejected = decode_each(kind, bodies)
        for at, table in enumerate(tables):
            file = f"roll-{name[:12]}-{path.stem}-{chunk.start:08}{f'-{at}' if at else ''}"
            moved["files"] += len(append_table(log_dir, kind, table, file))
            moved[kind] += table.num_rows
        keep_rejected(log_dir, [rejected_line(body) for body in rejected])
        moved["rejected"] += len(rejected)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM moving")
    connection.execute(
        "INSERT INTO rolled VALUES (?, ?) ON CONFLICT (segment) DO UPDATE SET offset = ?",
        (path.name, chunk.stop, chunk.stop),
    )
    connection.execute("COMMIT")


def roll_command(
    log: Path = Path("artifacts/log"),
    redis: str | None = None,
    keep_runs: bool = False,
    keep_days: int | None = None,
    today: str | None = None,
) -> dict[str, object]:
    """Move the log into Parquet by day, where the join reads it; safe to run at any time.

    Args:
        log: the folder that serving logs to; with --redis it is made if it is not there.
        redis: drain this Redis log (redis://host:port/db) into the folder first.
        keep_runs: leave precompute's runs in runs/, a few bytes a decision; the join writes rows
            of those decisions alone that were rendered. Without it every decision becomes a row.
        keep_days: also remove days, and runs, that are older than this many; all are kept if not
            given. Keep more than the join's horizon and window (32), or late examples are never
            made.
        today: the day that age is counted from, as 2026-01-31; the machine's UTC date if not
            given.
    """
    moved: dict[str, int] = {}
    if redis is not None:
        # redis is an optional package.
        from data.log.redis_drain import drain
        from data.servers.redis_server import RedisAddress

        moved = drain(RedisAddress.parse(redis), log)
    if redis is None or (log / DATABASE).is_file() or (log / RUNS).is_dir():
        # Of a drained log, precompute's runs are what is left to do.
        try:
            rolled = roll(log, keep_runs=keep_runs)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the log in {log} cannot be rolled: {error}") from None
        moved = {name: moved.get(name, 0) + rolled.get(name, 0) for name in moved | rolled}
    retired: list[str] = []
    if keep_days is not None:
        try:
            day = date.fromisoformat(today) if today else datetime.now(UTC).date()
            retired = [*retire(log, keep_days, day), *retire_runs(log, keep_days, day)]
        except ValueError as error:
            raise BadInput(f"--today {today}, --keep-days {keep_days}: {error}") from error
    return {**moved, "retired": retired}


def status(record: Mapping[str, object]) -> int:
    """3 where something was damaged, and is kept for whoever looks into it, or lost; else 0."""
    return 3 if record.get("damaged") or record.get("lost") else 0
