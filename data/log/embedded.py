"""The embedded log: SQLite in WAL mode, group commit from many threads and processes.

What has gathered in a process's buffer is one transaction; `synchronous = FULL` puts it on disk
before the tickets are acknowledged. A lock file queues the processes fairly; the kernel frees it
when a process is killed.
"""

import fcntl
import sqlite3
import uuid
from pathlib import Path

from data.log.buffer import CAPACITY, BufferedLog, Row

DATABASE = "live.sqlite"


def connect(log_dir: Path) -> sqlite3.Connection:
    """Open the log's database, made if need be; commits are on disk when they return."""
    log_dir.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        log_dir / DATABASE, timeout=60, isolation_level=None, check_same_thread=False
    )
    with Turn(log_dir):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS records "
            "(seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body BLOB NOT NULL)"
        )
        connection.execute("CREATE TABLE IF NOT EXISTS plan (last INTEGER NOT NULL)")
        connection.execute("CREATE TABLE IF NOT EXISTS name (name TEXT NOT NULL)")
        connection.execute(
            "INSERT INTO name SELECT ? WHERE NOT EXISTS (SELECT 1 FROM name)", (uuid.uuid4().hex,)
        )
    return connection


class Turn:
    """The processes' turn to write: a lock that wakes the next in line at once."""

    def __init__(self, log_dir: Path, name: str = ".write.lock") -> None:
        self.path = log_dir / name

    def __enter__(self) -> None:
        self.file = self.path.open("w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


class EventLog(BufferedLog):
    """The log of this machine, in `log_dir`; any number of processes open it at once."""

    def __init__(self, log_dir: Path | str, capacity: int = CAPACITY) -> None:
        self.log_dir = Path(log_dir)
        self.place = str(log_dir)
        self._connection = connect(self.log_dir)
        self._turn = Turn(self.log_dir)
        super().__init__(capacity)

    def commit(self, rows: list[Row]) -> sqlite3.Error | None:
        """One transaction, on disk when this returns; a full disk is an error, not the end."""
        connection = self._connection
        try:
            with self._turn:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    connection.executemany("INSERT INTO records (kind, body) VALUES (?, ?)", rows)
                    connection.execute("COMMIT")
                except sqlite3.Error:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            return error
        return None

    def close(self) -> None:
        """Write what is buffered, then stop."""
        super().close()
        self._connection.close()
