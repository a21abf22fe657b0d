"""Records of a segment found by their checksums, also behind bytes that are none.

A checksum is seeded with the segment's nonce, so what looks like a record by chance is one in four
thousand million.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from data.atomic_write import sync
from data.lean.segment import RECORD

FOLDER = "damaged"
"""Where what could not be read whole is put, beside the log."""
REJECTED = "rejected.jsonl"
"""Where records are put that do not fit their schema, one a line."""


def record_end(held: bytes, at: int, seeds: Sequence[int]) -> int | None:
    """Where the record that begins at an offset ends; None: none begins there.

    Args:
        held: the segment.
        at: offset.
        seeds: of the checksum, by kind.
    """
    if at + RECORD.size > len(held):
        return None
    length, checksum, kind = RECORD.unpack_from(held, at)
    stop = at + RECORD.size + length
    if not length or kind >= len(seeds) or stop > len(held):
        return None
    return stop if crc32(held[at + RECORD.size : stop], seeds[kind]) == checksum else None


def after_damage(held: bytes, at: int, seeds: Sequence[int]) -> int | None:
    """Where a segment goes on behind what is no record; its end if it does not.

    Args:
        held: a segment that nobody writes any more.
        at: where no record begins.
        seeds: of the checksum, by kind.

    Returns:
        Offset; None: this is the end, of zeros or of a record that was never written whole.
    """
    for candidate in _candidates(held, at + 1, len(seeds)):
        if record_end(held, candidate, seeds) is not None:
            return candidate
    written = len(held.rstrip(b"\0"))
    if written <= at:
        return None
    return None if _torn(held, at, written, seeds) else len(held)


def _torn(held: bytes, at: int, written: int, seeds: Sequence[int]) -> bool:
    """Whether only the beginning of a record was written; zeros fill the segment behind it."""
    if written == len(held):
        return False  # the segment was closed, so all of its records are there
    if written <= at + RECORD.size:
        return True
    length, checksum, kind = RECORD.unpack_from(held, at)
    body = held[at + RECORD.size : written]
    if kind >= len(seeds) or any(crc32(body, seed) == checksum for seed in seeds):
        return False
    return written < at + RECORD.size + length


def _candidates(held: bytes, start: int, kinds: int) -> list[int]:
    """Offsets at which a record may begin: a kind, zeros that pad, and room for the body."""
    whole = np.frombuffer(held, np.uint8)
    count = len(whole) - RECORD.size - start
    if count <= 0:
        return []
    kind, *padding = (whole[start + byte : start + byte + count] for byte in (8, 9, 10, 11))
    possible = kind < kinds
    for zero in padding:
        possible &= zero == 0
    places = start + np.flatnonzero(possible)
    lengths = sum(whole[places + byte].astype(np.int64) << (8 * byte) for byte in range(4))
    fits = (lengths > 0) & (places + RECORD.size + lengths <= len(whole))
    return places[fits].tolist()


def keep_aside(path: Path, log_dir: Path) -> Path:
    """Put a file into `damaged/` as well, under its own name; it stays where it is."""
    folder = log_dir / FOLDER
    folder.mkdir(exist_ok=True)
    kept = folder / path.name
    if not kept.exists():
        try:
            os.link(path, kept)
        except OSError:  # a file system without links
            shutil.copy2(path, kept)
        sync(folder)
    return kept


def keep_rejected(log_dir: Path, lines: Sequence[bytes]) -> None:
    """Add records to `rejected.jsonl`; on disk when this returns."""
    if not lines:
        return
    log_dir.mkdir(parents=True, exist_ok=True)
    with (log_dir / REJECTED).open("ab") as file:
        file.writelines(line + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def set_aside(path: Path, log_dir: Path) -> Path:
    """Move a file that cannot be read into `damaged/`, out of the way."""
    kept = keep_aside(path, log_dir)
    path.unlink()
    sync(path.parent)
    return kept


def damaged_files(log_dir: Path) -> int:
    """How many files lie in `damaged/`."""
    folder = log_dir / FOLDER
    return sum(file.is_file() for file in folder.iterdir()) if folder.is_dir() else 0
