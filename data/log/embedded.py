"""The embedded log: group commit from many threads and processes, bookkeeping in SQLite.

What has gathered in a process's buffer is one append to that process's journal, flushed before
the tickets are acknowledged: no process waits for another. How far each journal was rolled into
Parquet is kept in SQLite (WAL, `synchronous = FULL`), a transaction a step.
"""

import fcntl
import sqlite3
import uuid
from pathlib import Path

from data.log.buffer import CAPACITY, BufferedLog
from data.log.journal import SEGMENT_BYTES, Journal, Row

DATABASE = "live.sqlite"


def connect(log_dir: Path) -> sqlite3.Connection:
    """Open the log's database, made if need be; commits are on disk when they return."""
    log_dir.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        log_dir / DATABASE, timeout=60, isolation_level=None, check_same_thread=False
    )
    with WriterTurn(log_dir):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS name (name TEXT NOT NULL)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS rolled (segment TEXT PRIMARY KEY, offset INTEGER NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS moving "
            "(segment TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL)"
        )
        connection.execute(
            "INSERT INTO name SELECT ? WHERE NOT EXISTS (SELECT 1 FROM name)", (uuid.uuid4().hex,)
        )
    return connection


class WriterTurn:
    """The processes' turn: a lock that wakes the next in line at once."""

    def __init__(self, log_dir: Path, name: str = ".write.lock") -> None:
        self.path = log_dir / name

    def __enter__(self) -> None:
        self.file = self.path.open("w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


class EventLog(BufferedLog):
    """The log of this machine, in `log_dir`; any number of processes open it at once."""

    def __init__(
        self,
        log_dir: Path | str,
        capacity: int = CAPACITY,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.log_dir = Path(log_dir)
        self.place = str(log_dir)
        connect(self.log_dir).close()
        self._journal = Journal(self.log_dir, segment_bytes)
        super().__init__(capacity)

    def commit(self, rows: list[Row]) -> OSError | None:
        """One append, on disk when this returns; a full disk is an error, not the end."""
        try:
            self._journal.write(rows)
        except OSError as error:
            return error
        return None

    def close(self) -> None:
        """Write what is buffered, then stop."""
        super().close()
        self._journal.close()
