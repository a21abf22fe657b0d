"""The buffer in front of a log: bounded, with explicit back-pressure, committed in groups.

One writer thread a process commits whatever has gathered as one group, so the more threads
append at once, the fewer commits each costs.
"""

import os
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from types import TracebackType
from typing import NamedTuple, Self

from data.log.journal import Row
from data.log.records import PageRecords, encode, encode_page, packed

CAPACITY = 20_000
"""Records that a process holds before it refuses: about 20 MB."""
BATCH = 4_000
"""Records in one commit at most, unless one call brings more."""

Ticket = Future[None]
"""Done when its records are on disk; fails if they could not be written."""


class _Waiting(NamedTuple):
    rows: list[Row]
    records: int  # of which a row may hold many
    ticket: Ticket


class BufferedLog(ABC):
    """Appends decisions and events; thread-safe, one a process. Open it after forking.

    Counts of records: `acknowledged` (on disk), `refused` (the buffer was full), `failed`.
    """

    place: str
    """Where it writes, for messages."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; the buffer holds at least 1 record")
        self.capacity = capacity
        self.refused = self.acknowledged = self.failed = 0
        self.failure = ""
        """Why the last records were not written; empty where they were."""
        self._buffer: deque[_Waiting] = deque()
        self._held = 0  # records in the buffer or being written
        self._closed = False
        self._lock = threading.Lock()
        # A byte in it says that there is more. The kernel lets who reads a pipe run where who wrote
        # is about to wait; who waits for a lock is woken on another core, at twice the price.
        self._more, self._say_more = os.pipe()
        self._sleeps = self._woken = (
            0  # how often the writer went to read it, and which is answered
        )
        weakref.finalize(self, _close, self._more, self._say_more).atexit = False
        self._room = threading.Condition(self._lock)
        self._writer = threading.Thread(target=self._write, name="event log", daemon=True)
        self._writer.start()

    def append(
        self, kind: str, records: Sequence[Mapping[str, object]], wait: float = 0.0
    ) -> Ticket | None:
        """Hand over the records of one page or request, all or none.

        Args:
            kind: decisions or events.
            records: of the Arrow schema's columns; see `data.log.records.encode`.
            wait: seconds to wait for room in the buffer; nothing else here waits.

        Returns:
            A ticket that is done once the records are on disk; None if there was no room: the
            records are not logged, and counted in `refused`.

        Raises:
            ValueError: a record does not fit, or there are more than the buffer can ever hold.
            RuntimeError: the log is closed.
        """
        # Compressed here and not by the writer: each step of the writer may wait for this thread.
        rows = [(kind, packed(encode(kind, record))) for record in records]
        return self._hand_over(rows, len(rows), wait)

    def append_pages(
        self, kind: str, pages: Sequence[PageRecords], wait: float = 0.0
    ) -> Ticket | None:
        """`append` of pages, each a row of many records; see `data.log.records.encode_page`."""
        rows = [(kind, packed(encode_page(kind, page))) for page in pages]
        return self._hand_over(rows, sum(page.records for page in pages), wait)

    def _hand_over(self, rows: list[Row], count: int, wait: float) -> Ticket | None:
        if count > self.capacity:
            raise ValueError(
                f"{count} records in one call exceed the buffer of {self.capacity}; "
                "append them in parts, or write them with append_table"
            )
        ticket: Ticket = Future()
        with self._lock:
            if self._held + count > self.capacity and wait > 0:
                self._room.wait_for(
                    lambda: self._closed or self._held + count <= self.capacity, wait
                )
            if self._closed:
                raise RuntimeError(f"the log in {self.place} is closed")
            if self._held + count > self.capacity:
                self.refused += count
                return None
            self._held += count
            self._buffer.append(_Waiting(rows, count, ticket))
            sleeps = self._sleeps
        if sleeps != self._woken:
            os.write(self._say_more, b"+")
            self._woken = sleeps  # behind the byte: if that was cut short, the next one writes it
        return ticket

    def write(
        self, kind: str, records: Sequence[Mapping[str, object]], timeout: float = 0.05
    ) -> bool:
        """Append and wait for the disk, at most `timeout` seconds in all.

        Returns:
            True: on disk. False: refused, failed, or not on disk yet; a record that is late
            still arrives, and its id makes a second attempt harmless.
        """
        until = time.monotonic() + timeout
        ticket = self.append(kind, records, wait=timeout)
        if ticket is None:
            return False
        try:
            ticket.result(max(0.0, until - time.monotonic()))
        except Exception:  # late, or not written; `failed` counts the second
            return False
        return True

    def close(self) -> None:
        """Write what is buffered, then stop."""
        with self._lock:
            self._closed = True
            self._room.notify_all()
        os.write(self._say_more, b"+")
        self._writer.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self) -> None:
        while True:
            with self._lock:
                batch, closed = self._group(), self._closed
                self._sleeps += not batch
            if not batch:
                if closed:
                    return
                os.read(self._more, 1024)
                continue
            count = sum(waiting.records for waiting in batch)
            failure = self.commit([row for waiting in batch for row in waiting.rows])
            with self._lock:
                self._held -= count
                self.failure = "" if failure is None else str(failure) or type(failure).__name__
                if failure is None:
                    self.acknowledged += count
                else:
                    self.failed += count
                self._room.notify_all()
            for waiting in batch:
                _settle(waiting.ticket, failure)

    def _group(self) -> list[_Waiting]:
        """What is committed next, taken out of the buffer; nothing if it is empty."""
        batch, count = list[_Waiting](), 0
        while self._buffer and (not batch or count + self._buffer[0].records <= BATCH):
            batch.append(self._buffer.popleft())
            count += batch[-1].records
        return batch

    @abstractmethod
    def commit(self, rows: list[Row]) -> Exception | None:
        """Put rows on disk, all or none; what went wrong, if anything did."""


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _settle(ticket: Ticket, failure: Exception | None) -> None:
    try:
        if failure is None:
            ticket.set_result(None)
        else:
            ticket.set_exception(failure)
    except InvalidStateError:  # the caller cancelled it: the records are written all the same
        return
