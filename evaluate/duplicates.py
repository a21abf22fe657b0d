"""Finding a repeated decision id in a log of any size, in bounded memory."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt64

from data.errors import BadInput
from evaluate.feedback_file import FeedbackSource

PARTS = 64
"""Hashes are parted by their top 6 bits; one part at a time is sorted."""
HELD = 1 << 22
"""Hashes held in memory before they go to disk."""


class DuplicateCheck:
    """Collects 64-bit hashes of ids; `finish` refuses a source that repeats one."""

    def __init__(self) -> None:
        self._held: list[np.ndarray] = []
        self._count = 0
        self._folder: tempfile.TemporaryDirectory | None = None

    def add(self, hashes: UInt64[np.ndarray, " decisions"]) -> None:
        """Remember the hashes of one batch."""
        self._held.append(hashes)
        self._count += len(hashes)
        if self._count >= HELD:
            self._spill()

    def finish(self, source: FeedbackSource) -> None:
        """Look for a repeat.

        Raises:
            BadInput: an id stands on two rows; names both.
        """
        try:
            suspected = any(_repeats(part) for part in self._parts())
        finally:
            if self._folder is not None:
                self._folder.cleanup()
        if suspected:
            _confirm(source)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="marquee-ids-")
        hashes = np.sort(np.concatenate(self._held))
        edges = np.searchsorted(hashes >> np.uint64(58), np.arange(PARTS + 1, dtype=np.uint64))
        for part in range(PARTS):
            with (Path(self._folder.name) / str(part)).open("ab") as file:
                hashes[edges[part] : edges[part + 1]].tofile(file)
        self._held, self._count = [], 0

    def _parts(self) -> Iterator[np.ndarray]:
        """All hashes, in parts that share no hash, one part in memory at a time."""
        if self._folder is None:
            if self._held:
                yield np.concatenate(self._held)
            return
        if self._held:
            self._spill()
        for part in range(PARTS):
            yield np.fromfile(Path(self._folder.name) / str(part), dtype=np.uint64)


def _repeats(hashes: np.ndarray) -> bool:
    ordered = np.sort(hashes)
    return bool((ordered[1:] == ordered[:-1]).any())


def _confirm(source: FeedbackSource) -> None:
    """Read the ids themselves: equal hashes are a suspicion, equal ids are an error."""
    seen: dict[object, int] = {}
    for first, ids in source.decision_ids():
        for at, value in enumerate(ids.to_pylist()):
            if value in seen:
                raise BadInput(
                    f"{source.name}: row {first + at}: decision_id {value} repeats row"
                    f" {seen[value]}; keep one row a decision"
                )
            seen[value] = first + at
