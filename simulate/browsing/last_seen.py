"""What members saw last: whether a title's artwork changes before their eyes."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from data.atomic_write import whole_file


class PageMemory:
    """The artwork of each title that each member saw last."""

    def __init__(self, members: int, titles: int) -> None:
        self._last = np.full((members, titles), -1, np.int32)

    def changes(
        self,
        members: Int[np.ndarray, " decisions"],
        titles: Int[np.ndarray, " decisions"],
        candidates: Int[np.ndarray, "decisions candidates"],
    ) -> Bool[np.ndarray, "decisions candidates"]:
        """Whether each candidate differs from what was seen; False if nothing was."""
        last = self._last[members, titles][:, None]
        return (last >= 0) & (last != candidates)

    def see(
        self,
        members: Int[np.ndarray, " seen"],
        titles: Int[np.ndarray, " seen"],
        artworks: Int[np.ndarray, " seen"],
    ) -> None:
        """Remember impressions, the later ones in place of the earlier."""
        self._last[members, titles] = artworks

    def write(self, file: Path) -> None:
        """Store it, whole or not at all."""
        with whole_file(file) as part, part.open("wb") as opened:
            np.save(opened, self._last)

    @classmethod
    def read(cls, file: Path) -> "PageMemory":
        """What `write` stored."""
        memory = cls(0, 0)
        memory._last = np.load(file)
        return memory
