"""The two files of an image cache: pixels that grow, and the hash of each image's content."""

import fcntl
import os
import re
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from data.errors import CANNOT_WRITE, warn_of_cache
from data.images.decode import DECODER_VERSION
from data.images.format import ImageFormat

SHA256 = re.compile("[0-9a-f]{64}")


class PixelStore:
    """The two files of a cache: pixels in a .npy that grows, and a hash a line.

    Pixels reach the disk before their hashes, and rows without a hash do not count, so a crash
    costs the rows being written and nothing else. Where the disk takes nothing, what is there is
    used, what is new stays in memory, and that is said once: a cache is no reason to stop.
    """

    def __init__(self, pixels: Path, shape: ImageFormat) -> None:
        self.pixels, self.hashes = pixels, pixels.with_suffix(".sha256")
        self.format, self.shape = shape, (3, shape.height, shape.width)
        self.rows: dict[str, int] = {}
        self.in_memory: list[UInt8[np.ndarray, "3 h w"]] = []
        """Of the last rows, those that the disk did not take."""
        self._load()

    @classmethod
    @contextmanager
    def open(cls, folder: Path, shape: ImageFormat) -> Iterator["PixelStore"]:
        """The store in `folder`, held by this process alone until the block ends."""
        name = f"images-{shape}-v{DECODER_VERSION}"
        with ExitStack() as held:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context((folder / f".{name}.lock").open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in CANNOT_WRITE:
                    raise
            yield cls(folder / f"{name}.npy", shape)

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
                warn_of_cache(self.pixels.parent, error)
        self.rows = {name: row for row, name in enumerate(names)}

    def _holds(self, rows: int) -> bool:
        """Whether the pixels of so many rows are there."""
        if not self.pixels.is_file() or self.pixels.stat().st_size < self._end(rows):
            return False
        try:
            held = np.load(self.pixels, mmap_mode="r")
        except (OSError, ValueError, SyntaxError):  # what it says of itself makes no sense
            return False
        return held.dtype == np.uint8 and held.shape[1:] == self.shape and len(held) >= rows

    def _end(self, rows: int) -> int:
        """Bytes of a .npy with so many rows; the header leaves room for more digits."""
        return len(_header(rows, self.shape)) + rows * int(np.prod(self.shape))

    def append(self, images: dict[str, UInt8[np.ndarray, "3 h w"]]) -> None:
        """Add images by their hash, those that are new; on disk when this returns, if it can be."""
        images = {name: image for name, image in images.items() if name not in self.rows}
        if not images:
            return
        first = len(self.rows)
        if not self.in_memory:
            try:
                self._write(images)
            except OSError as error:
                warn_of_cache(self.pixels.parent, error)
                self.in_memory += images.values()
        else:
            self.in_memory += images.values()
        self.rows |= {name: first + i for i, name in enumerate(images)}

    def _write(self, images: dict[str, UInt8[np.ndarray, "3 h w"]]) -> None:
        first, total = len(self.rows), len(self.rows) + len(images)
        if not first:
            self.pixels.unlink(missing_ok=True)  # who has mapped the old file keeps it
        self.pixels.touch()
        with self.pixels.open("r+b") as file:
            file.truncate(self._end(first) if first else 0)
            file.seek(self._end(first))
            for image in images.values():
                file.write(np.ascontiguousarray(image, np.uint8).tobytes())
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            file.write(_header(total, self.shape))
            file.flush()
            os.fsync(file.fileno())
        with self.hashes.open("ab") as file:
            file.write("".join(f"{name}\n" for name in images).encode())
            file.flush()
            os.fsync(file.fileno())

    def images(self) -> UInt8[np.ndarray, "images 3 h w"]:
        """Every image, read-only: a memory map, or a copy where some are in memory alone."""
        on_disk = len(self.rows) - len(self.in_memory)
        held = np.empty((0, *self.shape), np.uint8)
        if on_disk:
            held = np.load(self.pixels, mmap_mode="r")[:on_disk]
        if self.in_memory:
            held = np.concatenate([held, np.stack(self.in_memory)])
            held.flags.writeable = False
        return held


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """A .npy header of one length, whatever the number of rows."""
    described = {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)}
    text = repr(described).ljust(118 - 1) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin1")
