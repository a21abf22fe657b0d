"""The seam to the event log: rows go in, a future says when they are on disk."""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from data.log import EventLog, PageRecords


class LogFullError(RuntimeError):
    """The log's buffer is full; the page falls back and is marked `unlogged`."""


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

    def close(self) -> None:
        """Flush everything, then let go."""
        ...


class EmbeddedLog:
    """The embedded log of a folder (`data.log.EventLog`); one a process, opened after forking."""

    def __init__(self, folder: Path, capacity: int = 20_000) -> None:
        # The log's thread takes the interpreter lock once a group; it must not wait 5 ms for it.
        sys.setswitchinterval(0.0005)
        self._log = EventLog(folder, capacity)
        self._ahead = 0

    def decisions(self, pages: Sequence[PageRecords]) -> Future[None]:
        """Append pages of decisions; raises `LogFullError` at once and never waits."""
        ticket = self._log.append_pages("decisions", pages)
        return self._taken(ticket, sum(page.records for page in pages), "decisions")

    def events(self, rows: Sequence[Mapping[str, object]]) -> Future[None]:
        """Append events; raises `LogFullError` at once and never waits."""
        return self._taken(self._log.append("events", rows), len(rows), "events")

    def _taken(self, ticket: Future[None] | None, count: int, kind: str) -> Future[None]:
        if ticket is None:
            raise LogFullError(f"the log's buffer has no room for {count} {kind}")
        self._ahead += count
        return ticket

    def waiting(self) -> int:
        """Records that are not on disk yet."""
        return self._ahead - self._log.acknowledged - self._log.failed

    def close(self) -> None:
        """Write what is buffered, then stop."""
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

    def close(self) -> None:
        """Nothing to do."""


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future
