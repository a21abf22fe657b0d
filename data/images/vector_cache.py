"""What an encoder says of images, computed once a content and encoder and kept on disk.

Rows are found by the SHA-256 of an image's pixels, so a new catalogue costs only what is new, and
what was interrupted goes on where it stopped. Memory does not grow with the number of images.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from rich.console import Console
from rich.progress import Progress

from data.images.row_store import RowStore, locked

Embed = Callable[[UInt8[np.ndarray, "images 3 height width"]], Float[np.ndarray, "images numbers"]]
TOGETHER = 256
"""Images whose vectors are stored together: what an interruption loses."""


class VectorRows(NamedTuple):
    """Vectors on disk, and which of them are meant."""

    held: Float[np.ndarray, "held numbers"]
    """A read-only memory map."""
    at: Int[np.ndarray, " images"]
    """Rows of it, in the order that was asked for."""

    def of(
        self, rows: slice | Int[np.ndarray, " some"] = slice(None)
    ) -> Float[np.ndarray, "some numbers"]:
        """Some of the vectors, or all."""
        return np.asarray(self.held[self.at[rows]])


def pixel_hash(image: UInt8[np.ndarray, "3 height width"]) -> str:
    """What the vectors of an image are found by."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()


class VectorCache:
    """Vectors of one encoder in a folder.

    Args:
        folder: where they lie; made if it is not there.
        encoder: what tells this encoder from any other.
        width: numbers of a vector.
    """

    def __init__(self, folder: Path, encoder: str, width: int) -> None:
        digest = hashlib.sha256(encoder.encode()).hexdigest()[:16]
        self.folder, self.name, self.width = folder, f"vectors-{digest}", width
        self.store = self._opened()

    def _opened(self) -> RowStore:
        with locked(self.folder, self.name):
            return RowStore(self.folder / f"{self.name}.npy", (self.width,), np.float32)

    def add(self, vectors: dict[str, Float[np.ndarray, " numbers"]]) -> None:
        """Keep vectors by the hash of their pixels."""
        if self.store.in_memory:  # the disk takes nothing
            self.store.append(vectors)
            return
        with locked(self.folder, self.name):  # others may have added to it meanwhile
            file = self.folder / f"{self.name}.npy"
            self.store = RowStore(file, (self.width,), np.float32)
            self.store.append(vectors)

    def put(
        self,
        images: UInt8[np.ndarray, "all 3 height width"],
        wanted: Int[np.ndarray, " images"],
        vectors: Float[np.ndarray, "images numbers"],
    ) -> None:
        """Keep what is known of some images already.

        Args:
            images: pixels.
            wanted: rows of them.
            vectors: of these.
        """
        for start in range(0, len(wanted), TOGETHER):
            some = wanted[start : start + TOGETHER]
            names = [pixel_hash(images[row]) for row in some]
            self.add(dict(zip(names, vectors[start : start + TOGETHER], strict=True)))

    def rows(
        self,
        images: UInt8[np.ndarray, "all 3 height width"],
        wanted: Int[np.ndarray, " images"],
        embed: Embed,
        words: str | None = None,
    ) -> VectorRows:
        """The vectors of some images, in their order; only what is not there is computed.

        Args:
            images: pixels, such as the memory map of an image cache.
            wanted: rows of it.
            embed: computes the vectors of images.
            words: what is done, for a progress bar on stderr; None: none is shown.
        """
        distinct, back = np.unique(wanted, return_inverse=True)
        names = [pixel_hash(images[row]) for row in distinct]
        missing = [at for at, name in enumerate(names) if name not in self.store.rows]
        quiet = words is None or not missing
        with Progress(console=Console(stderr=True), disable=quiet, transient=True) as progress:
            bar = progress.add_task(words or "", total=len(missing))
            for start in range(0, len(missing), TOGETHER):
                part = missing[start : start + TOGETHER]
                found = embed(np.ascontiguousarray(images[distinct[part]]))
                self.add({names[at]: row for at, row in zip(part, found, strict=True)})
                progress.advance(bar, len(part))
        at = np.array([self.store.rows[name] for name in names], np.int64)
        return VectorRows(self.store.array(), at[back])
