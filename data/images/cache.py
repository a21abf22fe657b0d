"""The pixels of a whole catalogue, decoded once into a cache on disk.

The cache grows and never changes: images are stored by the SHA-256 of their content, so the same
picture under two names takes one row, a new catalogue decodes only what is new, and an
interrupted build goes on where it stopped. `data/images/decode.py` says how one file is decoded.
"""

import fcntl
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8
from rich.console import Console
from rich.progress import Progress

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.decode import (
    BACKDROP,
    DECODER_VERSION,
    HEIGHT,
    WIDTH,
    decode,
    digest,
    load_image,
    read_bytes,
)

__all__ = ["BACKDROP", "HEIGHT", "WIDTH", "ImageCache", "decode", "image_cache", "load_image"]

CHUNK = 256
"""Images decoded by one worker before they are stored: what an interruption loses."""
SHA256 = re.compile("[0-9a-f]{64}")
SHOWN = 20
"""Refusals written out before the rest is only counted."""


class ImageCache(NamedTuple):
    """Decoded images and where each artwork's is."""

    images: UInt8[np.ndarray, "images 3 height width"]
    """A read-only memory map of every distinct image in the cache."""
    rows: dict[str, int]
    """artwork_id → row of `images`; artworks with the same content share one."""
    refused: Mapping[str, str] = MappingProxyType({})
    """artwork_id → why it has no image, of those that were left out."""

    def of(self, artwork_ids: Sequence[str]) -> Int[np.ndarray, " artworks"]:
        """The rows of `images` for these artworks.

        Raises:
            BadInput: an artwork is not in the catalogue that the cache was made for.
        """
        try:
            return np.array([self.rows[a] for a in artwork_ids], np.int64)
        except KeyError as error:
            raise BadInput(f"artwork {error} has no image; is it in the catalogue?") from None


def image_cache(
    catalogue: Catalogue,
    folder: Path | str,
    *,
    height: int = HEIGHT,
    width: int = WIDTH,
    processes: int = 2,
    quiet: bool = False,
    leave_out: bool = False,
) -> ImageCache:
    """Decode the catalogue's images that the cache in `folder` lacks, and map them all.

    Writes `images-HxW-vN.npy` (uint8[images, 3, height, width]) and, beside it, `.sha256`, one
    line an image. Several builders may share a folder: one writes at a time.

    Args:
        catalogue: names the image files.
        folder: where the cache lies; made if it is not there.
        height: rows of a decoded image.
        width: columns of a decoded image.
        processes: workers that decode when there is enough to do.
        quiet: show no progress on stderr.
        leave_out: an image that cannot be had costs its artworks alone, which are named in
            `refused`.

    Raises:
        BadInput: images that are missing or cannot be decoded, each by name (the first 20). All
            others are in the cache by then.
    """
    paths = dict(zip(catalogue.artwork_ids, catalogue.artworks["path"].to_pylist(), strict=True))
    files = {name: str(catalogue.root / name) for name in dict.fromkeys(paths.values())}
    with _Store.open(Path(folder), height, width) as store:
        known, refused = _digests(files)
        wanted = {known[n]: n for n in reversed(known) if known[n] not in store.rows}
        missing = list(reversed(wanted.values()))
        # Rows are added in catalogue order, so a first build maps artwork i to row i.
        console = Console(stderr=True)
        with Progress(console=console, disable=quiet or not missing, transient=True) as progress:
            bar = progress.add_task("decoding artwork", total=len(missing))
            chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
            jobs = [[files[n] for n in chunk] for chunk in chunks]
            decoded = _decoded(jobs, height, width, processes)
            for chunk, results in zip(chunks, decoded, strict=True):
                for name, (sha, result) in zip(chunk, results, strict=True):
                    known[name] = sha
                    if isinstance(result, str):
                        refused[name] = result
                store.append({sha: r for sha, r in results if not isinstance(r, str)})
                progress.advance(bar, len(chunk))
        if refused and not leave_out:
            raise BadInput(
                f"{len(refused):,} of {len(files):,} images of {catalogue.root} "
                f"are refused: {_first(list(refused.values()))}"
            )
        rows = {a: store.rows[known[path]] for a, path in paths.items() if path not in refused}
        without = {a: refused[path] for a, path in paths.items() if path in refused}
        return ImageCache(store.images(), rows, without)


def _digests(files: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What each file is cached by, or why it cannot be read, by the name it was given."""
    known, refused = dict[str, str](), dict[str, str]()
    for name, file in files.items():
        try:
            known[name] = digest(read_bytes(file))
        except BadInput as refusal:
            refused[name] = str(refusal)
    return known, refused


def _first(refusals: list[str]) -> str:
    more = f"; and {len(refusals) - SHOWN:,} more" if len(refusals) > SHOWN else ""
    return "; ".join(refusals[:SHOWN]) + more


Decoded = list[tuple[str, "UInt8[np.ndarray, '3 h w'] | str"]]
"""For each file: SHA-256 and pixels, or "" and why it was refused."""


def _decoded(jobs: list[list[str]], height: int, width: int, processes: int) -> Iterator[Decoded]:
    """Decode lists of files, in order; in worker processes when there are several lists."""
    if len(jobs) <= 1 or processes <= 1:
        for job in jobs:
            yield [_here(file, height, width) for file in job]
        return
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(lambda job: _elsewhere(job, height, width), jobs)


def _here(file: str, height: int, width: int) -> tuple[str, "UInt8[np.ndarray, '3 h w'] | str"]:
    try:
        content = read_bytes(file)
        return digest(content), decode(content, file, height, width)
    except BadInput as refusal:
        return "", str(refusal)


def _elsewhere(files: list[str], height: int, width: int) -> Decoded:
    """Decode in a worker process, which imports Pillow and NumPy alone."""
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "data.images.decode"],
        input=json.dumps({"paths": files, "height": height, "width": width}).encode(),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": root},
        cwd=Path.cwd(),
        check=True,
    )
    results: Decoded = []
    left = memoryview(done.stdout)
    size = 3 * height * width
    for _ in files:
        if left[0]:
            pixels = np.frombuffer(left[33 : 33 + size], np.uint8).reshape(3, height, width)
            results.append((left[1:33].hex(), pixels))
            left = left[33 + size :]
        else:
            (length,) = struct.unpack("<I", left[1:5])
            results.append(("", bytes(left[5 : 5 + length]).decode()))
            left = left[5 + length :]
    return results


class _Store:
    """The two files of a cache: pixels in a .npy that grows, and a hash a line.

    Pixels reach the disk before their hashes, and rows without a hash do not count, so a crash
    costs the rows being written and nothing else.
    """

    def __init__(self, pixels: Path, height: int, width: int) -> None:
        self.pixels, self.hashes = pixels, pixels.with_suffix(".sha256")
        self.shape = (3, height, width)
        self.rows: dict[str, int] = {}
        self._load()

    @classmethod
    @contextmanager
    def open(cls, folder: Path, height: int, width: int) -> Iterator["_Store"]:
        """The store in `folder`, held by this process alone until the block ends."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"images-{height}x{width}-v{DECODER_VERSION}"
        with (folder / f".{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield cls(folder / f"{name}.npy", height, width)

    def _load(self) -> None:
        text = self.hashes.read_bytes() if self.hashes.is_file() else b""
        whole = text[: text.rfind(b"\n") + 1]
        names = whole.decode(errors="replace").split()
        if not all(map(SHA256.fullmatch, names)) or not self._holds(len(names)):
            whole, names = b"", []  # not ours, or damaged: begin again
        if whole != text:
            with self.hashes.open("r+b") as file:
                file.truncate(len(whole))
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
        """Add images by their hash, those that are new; on disk when this returns."""
        images = {name: image for name, image in images.items() if name not in self.rows}
        if not images:
            return
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
        self.rows |= {name: first + i for i, name in enumerate(images)}

    def images(self) -> UInt8[np.ndarray, "images 3 h w"]:
        """Every image, as a read-only memory map."""
        if not self.rows:
            return np.empty((0, *self.shape), np.uint8)
        return np.load(self.pixels, mmap_mode="r")[: len(self.rows)]


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """A .npy header of one length, whatever the number of rows."""
    described = {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)}
    text = repr(described).ljust(118 - 1) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin1")
