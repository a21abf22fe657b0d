"""Segments of the embedded log, as whoever appends to one needs to know them.

```
 0  magic "MQLOG001", nonce of 8 bytes
 …  records: length uint32 · CRC-32 uint32, seeded by nonce and kind · kind uint8 · 3 spare · body
```

`data/log/journal.py` writes those of a service: filled with zeros beforehand, on disk before it
answers. Here is the plain way, for page servers that open rows of maps: appended to, in the
kernel's hands when `append` returns (a process that is killed loses nothing), on disk when it is
synced. Readers take both.
"""

import fcntl
import os
import struct
import time
import uuid
from pathlib import Path
from zlib import compress, crc32

FOLDER = "live"
HEADER = struct.Struct("<8s8s")
RECORD = struct.Struct("<IIB3x")
"""Length of the body, its checksum, its kind."""
MAGIC = b"MQLOG001"
DECISIONS = 0
"""Number of the kind of record."""
PACKED_FROM = 1500
"""Bytes from which a body is compressed."""
MOST_BYTES = 16 << 20
"""Of a segment, or one record more."""


def record_seed(nonce: bytes, kind: int) -> int:
    """What the checksums of a segment's records of a kind begin with."""
    return crc32(nonce + bytes([kind]))


class LeanSegments:
    """Appends decisions to segments of its own in a log's folder; not for two threads at once.

    Args:
        log_dir: the log's folder, made if it is not there; `python -m data roll` reads it.
        most: bytes of a segment.

    Raises:
        OSError: the folder cannot be used.
    """

    def __init__(self, log_dir: Path, most: int = MOST_BYTES) -> None:
        self._folder, self._most = log_dir / FOLDER, most
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file, self._used, self._seed = -1, 0, 0
        self._begin()

    def _begin(self) -> None:
        hidden = self._folder / f".next-{uuid.uuid4().hex}"
        file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # whoever rolls sees that it is being written
            nonce = os.urandom(8)
            os.pwrite(file, HEADER.pack(MAGIC, nonce), 0)
            hidden.rename(self._folder / f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}.log")
        except OSError:
            os.close(file)
            hidden.unlink(missing_ok=True)
            raise
        self._file, self._used, self._seed = file, HEADER.size, record_seed(nonce, DECISIONS)

    def append(self, body: bytes) -> None:
        """Append a page of decisions, as JSON.

        Raises:
            OSError: it is not in the log.
        """
        if self._file < 0 or self._used >= self._most:
            self.close()
            self._begin()
        kept = body if len(body) <= PACKED_FROM else compress(body, 1)
        record = RECORD.pack(len(kept), crc32(kept, self._seed), DECISIONS) + kept
        if (done := os.pwrite(self._file, record, self._used)) != len(record):
            os.ftruncate(self._file, self._used)
            raise OSError(f"{done} of {len(record)} bytes were written: the disk is full")
        self._used += len(record)

    def sync(self) -> None:
        """See that all of it is on disk."""
        if self._file >= 0:
            os.fdatasync(self._file)

    def close(self) -> None:
        """Sync, and let go of the segment."""
        file, self._file = self._file, -1
        if file >= 0:
            os.fdatasync(file)
            os.close(file)
