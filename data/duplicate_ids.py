"""Whether an id comes twice among any number of ids, in flat memory."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import UInt64

from data.errors import BadInput

HELD = 1 << 18
"""Hashes held in memory before they go to disk."""
PARTS = 64
"""Files that they are dealt out to: equal ids meet in one, and one at a time is looked through."""
ODD, ALSO_ODD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


class DuplicateIds:
    """Takes ids, and tells in the end whether some id came twice; a context manager.

    It goes by 64-bit hashes: among 10⁷ different ids it errs once in 10⁵ times, and only by saying
    that there is a repeat where there is none.
    """

    def __init__(self) -> None:
        self.held: list[UInt64[np.ndarray, " ids"]] = []
        self.count = 0
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.files: list[BinaryIO] = []

    def __enter__(self) -> "DuplicateIds":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self.files:
            file.close()
        if self.folder is not None:
            self.folder.cleanup()

    def add(self, ids: UInt64[np.ndarray, " ids"]) -> None:
        """Take the hashes of some more ids."""
        self.held.append(ids)
        self.count += len(ids)
        if self.count >= HELD:
            self._spill()

    def repeated(self) -> bool:
        """Whether an id came twice."""
        if not self.files:
            return bool(self.held) and _repeats(np.concatenate(self.held))
        self._spill()
        for file in self.files:
            file.flush()
        return any(_repeats(np.fromfile(file.name, np.uint64)) for file in self.files)

    def refuse(self, source: "IdSource") -> None:
        """Read the ids themselves where a hash came twice: equal ids are an error.

        Raises:
            BadInput: an id stands on two rows; names both.
        """
        if not self.repeated():
            return
        rows: dict[object, int] = {}
        for first, ids in source.decision_ids():
            for row, value in enumerate(ids.to_pylist(), start=first):
                if value in rows:
                    raise BadInput(
                        f"{source.name}: row {row}: decision_id {value} repeats row"
                        f" {rows[value]}; keep one row a decision"
                    )
                rows[value] = row

    def _spill(self) -> None:
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="marquee-ids-")
            self.files = [(Path(self.folder.name) / f"{i}").open("wb") for i in range(PARTS)]
        if not self.held:
            return
        every = np.concatenate(self.held)
        part = (every >> np.uint64(58)).astype(np.int64)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=PARTS))
        for file, ids in zip(self.files, np.split(every[order], ends[:-1]), strict=True):
            ids.tofile(file)
        self.held, self.count = [], 0


class IdSource(Protocol):
    """Rows with decision ids, which can be read again."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def decision_ids(self) -> Iterator[tuple[int, pa.Array]]:
        """Number of the first row and ids, batch by batch."""
        ...


def hashes(ids: pa.Array | pa.ChunkedArray) -> UInt64[np.ndarray, " ids"]:
    """64-bit hashes of strings; fastest where all are of one length, as decision ids are."""
    column = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    column = column.cast(pa.large_binary())
    lengths = pc.binary_length(column).to_numpy(zero_copy_only=False)  # pyright: ignore[reportAttributeAccessIssue]
    mixed = np.zeros(len(column), np.uint64)
    for length in np.unique(lengths):
        alike = lengths == length
        mixed[alike] = _hashes(column.filter(pa.array(alike)), int(length))
    return mixed


def _hashes(column: pa.LargeBinaryArray, length: int) -> UInt64[np.ndarray, " ids"]:
    if not length:
        return np.zeros(len(column), np.uint64)
    letters = np.frombuffer(column.buffers()[2], np.uint8, length * len(column))
    padded = np.zeros((len(column), -(-length // 8) * 8), np.uint8)
    padded[:, :length] = letters.reshape(-1, length)
    mixed = np.full(len(column), length, np.uint64)
    for word in padded.view(np.uint64).T:
        mixed = (mixed ^ word) * ODD
        mixed ^= mixed >> np.uint64(29)
        mixed *= ALSO_ODD
        mixed ^= mixed >> np.uint64(32)
    return mixed


def _repeats(ids: UInt64[np.ndarray, " ids"]) -> bool:
    ordered = np.sort(ids)
    return bool((ordered[1:] == ordered[:-1]).any())
