"""What is taken down, as those see it who read maps: looked at once a second."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from serve.maps.layout import Layout
from serve.maps.store import MapStore
from serve.maps.takedown.listed import read_takedown


class TakenDown:
    """Artwork of a layout that nobody is shown, whatever maps say; each shows its next best.

    Args:
        ordinals: of the artworks.
        placeholder: URL of what a title shows of which nothing is left.
        reasons: counts titles that were shown their next best, as `taken_down`.
    """

    def __init__(
        self, ordinals: Sequence[int], artworks: int, placeholder: str, reasons: Counter[str]
    ) -> None:
        self._placeholder, self._reasons = placeholder, reasons
        self._down = np.zeros(artworks, bool)
        self._down[list(ordinals)] = True

    def urls(
        self, url_of: Sequence[str], layout: Layout, best: Int[np.ndarray, " titles"]
    ) -> list[str]:
        """URLs in which what is taken down has that of its title's best, or of another of its.

        Args:
            url_of: by ordinal.
            layout: of the artworks.
            best: of each title, for all members.
        """
        urls = list(url_of)
        slots = np.searchsorted(layout.starts, np.flatnonzero(self._down), side="right") - 1
        for slot in np.unique(slots).tolist():
            first, end = int(layout.starts[slot]), int(layout.starts[slot + 1])
            order = (int(best[slot]), int(layout.defaults[slot]), *range(first, end))
            left = (url_of[at] for at in order if not self._down[at])
            instead = next(left, self._placeholder)
            for at in range(first, end):
                if self._down[at]:
                    urls[at] = instead
        return urls

    def count(self, ordinals: Int[np.ndarray, " any"]) -> None:
        """Count titles that would have shown what is taken down."""
        down = int(self._down[ordinals].sum())
        if down:
            self._reasons["taken_down"] += down


class TakedownWatch:
    """Follows a store's list.

    Args:
        store: of the maps.
        placeholder: URL of what a title shows of which nothing is left.
        reasons: counts titles that were shown their next best, and lists that could not be read.
    """

    def __init__(self, store: MapStore, placeholder: str, reasons: Counter[str]) -> None:
        self._store, self._placeholder, self._reasons = store, placeholder, reasons
        self.artwork_ids: frozenset[str] = frozenset()

    def look(self) -> bool:
        """Read the list, and say whether it changed; a damaged one leaves what was known.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        try:
            down = read_takedown(self._store).artwork_ids
        except ValueError:
            self._reasons["takedown_damaged"] += 1
            return False
        changed, self.artwork_ids = down != self.artwork_ids, down
        return changed

    def of(self, layout: Layout) -> TakenDown | None:
        """What of a layout's artwork is taken down; None: nothing."""
        if not self.artwork_ids:
            return None
        down = [at for at, name in enumerate(layout.artwork_ids) if name in self.artwork_ids]
        if not down:
            return None
        return TakenDown(down, len(layout.artwork_ids), self._placeholder, self._reasons)
