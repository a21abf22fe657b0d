"""The embedded log's files: segments of a fixed size that one process appends to.

A segment is filled with zeros before it is used. Appending to a file that grows makes the file
system commit its own journal with every flush; overwriting blocks that are there costs one flush
of the device and nothing else.

```
 0  magic "MQLOG001", nonce of 8 bytes     so that what an earlier file left is never taken for ours
 …  records: length uint32 · CRC-32 uint32 · kind uint8 · 3 spare · body
 …  zeros
```

The first record whose checksum differs is the end of a segment that is being written: a process
that is killed leaves at most one group unfinished, and nothing after a group is written before
that group is on disk. The process holds a lock on its segment; a segment that nobody holds is
never written again, and there only a record that is not all there is the end. Any other that does
not check is damage, and what follows it is found by its checksums (`data/log/damage.py`).
"""

import fcntl
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from data.atomic_write import sync
from data.lean.segment import FOLDER, HEADER, MAGIC, RECORD, record_seed
from data.log.damage import after_damage, record_end
from data.log.records import SCHEMAS

SEGMENT_BYTES = 16 << 20
STEP_BYTES = 256 << 10
KINDS = tuple(SCHEMAS)
Row = tuple[str, bytes]
"""Kind and encoded record or page of records."""


class Journal:
    """One process's way to the disk: groups of rows in, on disk when `write` returns."""

    def __init__(self, log_dir: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = log_dir / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)
        self.segment_bytes = segment_bytes
        self._maker = ThreadPoolExecutor(1, "event log segments")
        self._hurry = threading.Event()  # the next segment is waited for
        self._segment = _Segment.make(self.folder, segment_bytes)
        self._segment.use()
        self._next: Future[_Segment] = self._make()

    def write(self, rows: list[Row]) -> None:
        """Append rows.

        Raises:
            OSError: they are not, or not all, on disk: the disk is full or broken.
        """
        held, size = [], 0
        for kind, body in rows:
            record = self._record(kind, body)
            if self._segment.used + size + len(record) > self.segment_bytes and size:
                self._segment.append(b"".join(held))
                held, size = [], 0
            if self._segment.used + len(record) > self.segment_bytes:
                self._turn(len(record))
                record = self._record(kind, body)  # of the new segment's nonce
            held.append(record)
            size += len(record)
        try:
            self._segment.append(b"".join(held))
        except OSError:
            # What the kernel holds of a failed flush is unknown: never build on it.
            self._turn(0)
            raise

    def _record(self, kind: str, body: bytes) -> bytes:
        number = KINDS.index(kind)
        return RECORD.pack(len(body), self._segment.checksum(number, body), number) + body

    def _turn(self, room: int) -> None:
        """Go on in the next segment."""
        try:
            self._hurry.set()
            following = self._next.result()
            if HEADER.size + room > self.segment_bytes:
                following.discard()
                following = _Segment.make(self.folder, HEADER.size + room)
            try:
                following.use()
            except OSError:
                following.discard()
                raise
        finally:
            self._next = self._make()
        self._segment.close()
        self._segment = following

    def _make(self) -> "Future[_Segment]":
        self._hurry.clear()
        return self._maker.submit(_Segment.make, self.folder, self.segment_bytes, self._hurry.wait)

    def close(self) -> None:
        """Let go of the segment."""
        self._hurry.set()
        self._maker.shutdown()
        if self._next.exception() is None:
            self._next.result().discard()
        self._segment.close()


class _Segment:
    """A segment that this process writes."""

    def __init__(self, path: Path, descriptor: int, nonce: bytes) -> None:
        self.path, self.descriptor, self.used = path, descriptor, HEADER.size
        self._seeds = [record_seed(nonce, number) for number in range(len(KINDS))]

    @staticmethod
    def make(
        folder: Path, size: int, rest: Callable[[float], object] = lambda _: None
    ) -> "_Segment":
        """A segment of zeros on disk, under a name that no reader opens yet.

        Filled in steps, each with a rest four times as long behind it, so that what is logged
        meanwhile finds the disk free.
        """
        path = folder / f".next-{uuid.uuid4().hex}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            nonce = os.urandom(8)
            os.pwrite(descriptor, HEADER.pack(MAGIC, nonce), 0)
            for at in range(HEADER.size, size, STEP_BYTES):
                start = time.monotonic()
                os.pwrite(descriptor, bytes(min(STEP_BYTES, size - at)), at)
                os.fdatasync(descriptor)
                rest(4 * (time.monotonic() - start))
            os.fsync(descriptor)
        except OSError:
            os.close(descriptor)
            path.unlink()
            raise
        return _Segment(path, descriptor, nonce)

    def use(self) -> None:
        """Take a readers' name; they sort in the order of use."""
        named = self.path.with_name(f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}.log")
        self.path = self.path.rename(named)
        sync(self.path.parent)

    def checksum(self, kind: int, body: bytes) -> int:
        return crc32(body, self._seeds[kind])

    def append(self, records: bytes) -> None:
        """Write and flush; a failed write leaves `used` where it was."""
        view, at = memoryview(records), self.used
        while view:
            done = _put(self.descriptor, view, at)
            view, at = view[done:], at + done
        self.used += len(records)

    def close(self) -> None:
        os.ftruncate(self.descriptor, self.used)
        os.close(self.descriptor)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


if hasattr(os, "RWF_DSYNC"):

    def _put(descriptor: int, view: memoryview, at: int) -> int:
        """Bytes of `view` that are on disk: written and flushed by one call.

        Threads that answer requests hold the interpreter most of the time; a writer that comes
        back to it between writing and flushing waits for it twice.
        """
        return os.pwritev(descriptor, [view], at, os.RWF_DSYNC)

else:

    def _put(descriptor: int, view: memoryview, at: int) -> int:
        """Bytes of `view` that are on disk."""
        done = os.pwrite(descriptor, view, at)
        os.fdatasync(descriptor)
        return done


class Chunk(NamedTuple):
    """Records of a segment."""

    rows: list[Row]
    start: int
    stop: int
    damaged: int = 0
    """Stretches between its records that are none."""


def segments(log_dir: Path) -> list[Path]:
    """The segments that hold records, in the order in which they were begun."""
    return sorted((log_dir / FOLDER).glob("*.log"))


def chunks(path: Path, start: int, rows: int, size: int, ended: bool = False) -> Iterator[Chunk]:
    """What a segment holds from an offset on, so many rows or bytes at a time.

    Args:
        path: of the segment.
        start: where to begin.
        rows: of a chunk, at most.
        size: bytes of a chunk, or one record more.
        ended: nobody writes it any more, so that what follows damage is looked for.

    Raises:
        ValueError: it is no segment of the log.
    """
    held = path.read_bytes()
    if len(held) < HEADER.size:
        return
    magic, nonce = HEADER.unpack_from(held)
    if magic != MAGIC:
        raise ValueError(f"{path} starts with {magic!r}, a segment of the log with {MAGIC!r}")
    seeds = [record_seed(nonce, number) for number in range(len(KINDS))]
    at = start = max(start, HEADER.size)
    group: list[Row] = []
    damaged = 0
    while at < len(held):
        stop = record_end(held, at, seeds)
        if stop is None:
            following = after_damage(held, at, seeds) if ended else None
            if following is None:
                break
            at, damaged = following, damaged + 1
        else:
            kind = RECORD.unpack_from(held, at)[2]
            group.append((KINDS[kind], held[at + RECORD.size : stop]))
            at = stop
        if len(group) >= rows or at - start >= size:
            yield Chunk(group, start, at, damaged)
            group, start, damaged = [], at, 0
    if group or damaged:
        yield Chunk(group, start, at, damaged)


def abandoned(path: Path) -> bool:
    """Whether no process writes the segment any more, nor ever will."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def clear(log_dir: Path) -> None:
    """Remove the segments that processes made ready and died before using."""
    for path in (log_dir / FOLDER).glob(".next-*"):
        try:
            if abandoned(path):
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # taken into use meanwhile
