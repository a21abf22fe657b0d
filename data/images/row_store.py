"""Rows of numbers by the hash of what they are of: a .npy that grows, and beside it a hash a line.

Rows reach the disk before their hashes, and rows without a hash do not count, so a crash costs the
rows being written and nothing else. Where the disk takes nothing, what is there is used, what is
new stays in memory, and that is said once: a cache is no reason to stop.
"""

import fcntl
import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from data.errors import CANNOT_WRITE, warn_of_cache

SHA256 = re.compile("[0-9a-f]{64}")


class RowStore:
    """The two files of a store.

    Args:
        rows_file: the .npy.
        shape: of a row.
        dtype: of its numbers.
    """

    def __init__(self, rows_file: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self.rows_file, self.hashes = rows_file, rows_file.with_suffix(".sha256")
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.rows: dict[str, int] = {}
        self.in_memory: list[np.ndarray] = []
        """Of the last rows, those that the disk did not take."""
        self._load()

    def _load(self) -> None:
        try:
            text = self.hashes.read_bytes()
        except OSError:  # none yet, or none that can be read
            text = b""
        whole = text[: text.rfind(b"\n") + 1]
        names = whole.decode(errors="replace").split()
        if not all(map(SHA256.fullmatch, names)) or not self._holds(len(names)):
            whole, names = b"", []  # not ours, or damaged: begin again
        if whole != text:
            try:
                with self.hashes.open("r+b") as file:
                    file.truncate(len(whole))
            except OSError as error:
                warn_of_cache(self.rows_file.parent, error)
        self.rows = {name: row for row, name in enumerate(names)}

    def _holds(self, rows: int) -> bool:
        """Whether so many rows are there."""
        if not self.rows_file.is_file() or self.rows_file.stat().st_size < self._end(rows):
            return False
        try:
            held = np.load(self.rows_file, mmap_mode="r")
        except (OSError, ValueError, SyntaxError):  # what it says of itself makes no sense
            return False
        return held.dtype == self.dtype and held.shape[1:] == self.shape and len(held) >= rows

    def _header(self, rows: int) -> bytes:
        """A .npy header of one length, whatever the number of rows."""
        said = {"descr": self.dtype.str, "fortran_order": False, "shape": (rows, *self.shape)}
        text = repr(said).ljust(118 - 1) + "\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin1")

    def _end(self, rows: int) -> int:
        """Bytes of a .npy with so many rows; the header leaves room for more digits."""
        return len(self._header(rows)) + rows * int(np.prod(self.shape)) * self.dtype.itemsize

    def append(self, added: Mapping[str, np.ndarray]) -> None:
        """Add rows by their hash, those that are new; on disk when this returns, if it can be."""
        new = {name: row for name, row in added.items() if name not in self.rows}
        if not new:
            return
        first = len(self.rows)
        if not self.in_memory:
            try:
                self._write(new)
            except OSError as error:
                warn_of_cache(self.rows_file.parent, error)
                self.in_memory += new.values()
        else:
            self.in_memory += new.values()
        self.rows |= {name: first + i for i, name in enumerate(new)}

    def _write(self, new: Mapping[str, np.ndarray]) -> None:
        first, total = len(self.rows), len(self.rows) + len(new)
        if not first:
            self.rows_file.unlink(missing_ok=True)  # who has mapped the old file keeps it
        self.rows_file.touch()
        with self.rows_file.open("r+b") as file:
            file.truncate(self._end(first) if first else 0)
            file.seek(self._end(first))
            for row in new.values():
                file.write(np.ascontiguousarray(row, self.dtype).tobytes())
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            file.write(self._header(total))
            file.flush()
            os.fsync(file.fileno())
        with self.hashes.open("ab") as file:
            file.write("".join(f"{name}\n" for name in new).encode())
            file.flush()
            os.fsync(file.fileno())

    def array(self) -> np.ndarray:
        """Every row, read-only: a memory map, or a copy where some are in memory alone."""
        on_disk = len(self.rows) - len(self.in_memory)
        held = np.empty((0, *self.shape), self.dtype)
        if on_disk:
            held = np.load(self.rows_file, mmap_mode="r")[:on_disk]
        if self.in_memory:
            held = np.concatenate([held, np.stack(self.in_memory)])
            held.flags.writeable = False
        return held


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """A folder, made if it is not there, whose files of a name this process alone writes.

    A folder that takes nothing is locked by nobody.
    """
    held = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / f".{name}.lock").open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                held.close()
