"""The seam to the event log: rows go in, a future says when they are on disk."""

import asyncio
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from data.errors import BadInput
from data.log import BufferedLog, PageRecords
from data.log.damage import damaged_files
from data.log.open_log import is_kafka, is_redis, open_log


class LogFullError(RuntimeError):
    """The log's buffer is full; the page falls back and is marked `unlogged`."""


async def on_disk(pending: Future[None], seconds: float | None = None) -> bool:
    """Whether what was handed over is on disk; not where it failed, or is late.

    Args:
        pending: what the recorder gave.
        seconds: to wait for it; None: until it is known.
    """
    seen = asyncio.wrap_future(pending)
    # What fails when nobody waits any more is counted by the log, and no trace in the service's.
    seen.add_done_callback(lambda late: late.cancelled() or late.exception())
    await asyncio.wait([seen], timeout=seconds)
    return pending.done() and pending.exception() is None


class Recorder(Protocol):
    """Where decisions and events are logged. A done future means durable."""

    def decisions(self, pages: Sequence[PageRecords]) -> Future[None]:
        """Append pages of decisions; raises `LogFullError` at once and never waits."""
        ...

    def events(self, rows: Sequence[Mapping[str, object]]) -> Future[None]:
        """Append events; raises `LogFullError` at once and never waits."""
        ...

    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        ...

    def look(self) -> None:
        """Try again what failed; called about once a second."""
        ...

    def trouble(self) -> str:
        """Why nothing can be logged; empty where it can."""
        ...

    def damaged(self) -> int:
        """Files of the log that could not be read whole, and were put aside."""
        ...

    def close(self) -> None:
        """Flush everything, then let go."""
        ...


class DurableLog:
    """A log by its folder or URL (`data.log.open_log`); one a process, opened after forking.

    A log that cannot be opened, on a full or read-only disk or without its server, is one that
    takes nothing yet: pages fall back as `unlogged`, and `look` tries again.
    """

    def __init__(self, place: str | Path, capacity: int = 20_000) -> None:
        # The log's thread takes the interpreter lock once a group; it must not wait 5 ms for it.
        sys.setswitchinterval(0.0005)
        self._place, self._capacity = str(place), capacity
        self._log: BufferedLog | None = None
        self._trouble = ""
        self._ahead = 0
        self.look()

    def look(self) -> None:
        """Open the log if it is not."""
        if self._log is not None:
            return
        try:
            self._log, self._trouble = open_log(self._place, self._capacity), ""
        except BadInput as error:
            self._trouble = str(error)
        except (OSError, sqlite3.Error) as error:
            self._trouble = f"the log in {self._place} cannot be opened: {error}"

    def trouble(self) -> str:
        """Why nothing can be logged; empty where it can."""
        if self._trouble or self._log is None or not self._log.failure:
            return self._trouble
        return f"the log in {self._log.place} did not take the last records: {self._log.failure}"

    def _opened(self) -> BufferedLog:
        if self._log is None:
            raise LogFullError(self._trouble)
        return self._log

    def decisions(self, pages: Sequence[PageRecords]) -> Future[None]:
        """Append pages of decisions; raises `LogFullError` at once and never waits."""
        ticket = self._opened().append_pages("decisions", pages)
        return self._taken(ticket, sum(page.records for page in pages), "decisions")

    def events(self, rows: Sequence[Mapping[str, object]]) -> Future[None]:
        """Append events; raises `LogFullError` at once and never waits."""
        return self._taken(self._opened().append("events", rows), len(rows), "events")

    def _taken(self, ticket: Future[None] | None, count: int, kind: str) -> Future[None]:
        if ticket is None:
            raise LogFullError(f"the log's buffer has no room for {count} {kind}")
        self._ahead += count
        return ticket

    def waiting(self) -> int:
        """Records that are not on disk yet."""
        log = self._log
        return 0 if log is None else self._ahead - log.acknowledged - log.failed

    def damaged(self) -> int:
        """Files that roll put into `damaged/`; none of a log without a folder."""
        elsewhere = is_kafka(self._place) or is_redis(self._place)
        return 0 if elsewhere else damaged_files(Path(self._place))

    def close(self) -> None:
        """Write what is buffered, then stop."""
        if self._log is not None:
            self._log.close()


class NoLog:
    """Forgets everything; for trying the service out."""

    def decisions(self, pages: Sequence[PageRecords]) -> Future[None]:
        """Done at once."""
        return _done()

    def events(self, rows: Sequence[Mapping[str, object]]) -> Future[None]:
        """Done at once."""
        return _done()

    def waiting(self) -> int:
        """Nothing ever waits."""
        return 0

    def look(self) -> None:
        """Nothing fails."""

    def trouble(self) -> str:
        """None."""
        return ""

    def damaged(self) -> int:
        """Nothing is kept."""
        return 0

    def close(self) -> None:
        """Nothing to do."""


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future
