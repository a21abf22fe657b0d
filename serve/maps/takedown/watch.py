"""What is taken down, as those see it who read maps: looked at once a second."""

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Bool, Int

from serve.maps.layout import Layout
from serve.maps.store import MapStore
from serve.maps.takedown.instead import ANYTHING, Instead, read_instead
from serve.maps.takedown.listed import read_takedown


class TakenDown:
    """Artwork of a layout that nobody is shown, whatever maps say; each shows its next best.

    Args:
        taken: ids of the artwork.
        layout: of the artworks.
        instead: what may be shown in its place.
        placeholder: URL of what a title shows of which nothing is left.
        reasons: counts titles that were shown their next best, as `taken_down`, and of these those
            of which nothing is left that anybody may be shown, as `taken_down_nothing_left`.
    """

    def __init__(
        self,
        taken: Collection[str],
        layout: Layout,
        instead: Instead,
        placeholder: str,
        reasons: Counter[str],
    ) -> None:
        self._placeholder, self._reasons, self._layout = placeholder, reasons, layout
        self._down = np.array([name in taken for name in layout.artwork_ids])
        slots = np.searchsorted(layout.starts, np.flatnonzero(self._down), side="right") - 1
        self._order = {slot: self._left(slot, instead) for slot in np.unique(slots).tolist()}
        """Slot → ordinals that may be shown in the place of others: free ones, capped ones."""
        self._bare = self._down.copy()
        for slot, left in self._order.items():
            if any(left):
                self._bare[int(layout.starts[slot]) : int(layout.starts[slot + 1])] = False
        self._any_bare = bool(self._bare.any())

    @property
    def any(self) -> bool:
        """Whether there is any."""
        return bool(self._order)

    def _left(self, slot: int, instead: Instead) -> tuple[list[int], list[int]]:
        layout = self._layout
        first, end = int(layout.starts[slot]), int(layout.starts[slot + 1])
        left = [at for at in range(first, end) if not self._down[at]]
        known = instead.artwork_ids.get(str(layout.title_ids[slot]))
        if known is None:
            return left, []
        free, capped = map(frozenset, known)
        names = layout.artwork_ids
        return [at for at in left if names[at] in free], [at for at in left if names[at] in capped]

    def urls(self, url_of: Sequence[str], best: Int[np.ndarray, " titles"]) -> list[str]:
        """URLs in which what is taken down has that of its title's best, or of another of its.

        Args:
            url_of: by ordinal.
            best: of each title, for all members.
        """
        urls, layout = list(url_of), self._layout
        for slot, (free, capped) in self._order.items():
            wanted = (int(best[slot]), int(layout.defaults[slot]))
            order = (*(at for at in wanted if at in free), *free)
            order = (*order, *(at for at in wanted if at in capped), *capped)
            instead = url_of[order[0]] if order else self._placeholder
            for at in range(int(layout.starts[slot]), int(layout.starts[slot + 1])):
                if self._down[at]:
                    urls[at] = instead
        return urls

    def down(self, ordinals: Int[np.ndarray, " any"]) -> Bool[np.ndarray, " any"]:
        """Which of some artworks are taken down."""
        return self._down[ordinals]

    def count(self, ordinals: Int[np.ndarray, " any"]) -> None:
        """Count titles that would have shown what is taken down."""
        down = int(np.count_nonzero(self._down[ordinals]))  # of a page: half a microsecond
        if not down:
            return
        self._reasons["taken_down"] += down
        if self._any_bare and (bare := int(np.count_nonzero(self._bare[ordinals]))):
            self._reasons["taken_down_nothing_left"] += bare


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
        self._instead = ANYTHING

    def look(self) -> bool:
        """Read the list, and say whether it changed; a damaged one leaves what was known.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        before = self.artwork_ids, self._instead
        try:
            self.artwork_ids = read_takedown(self._store).artwork_ids
        except ValueError:
            self._reasons["takedown_damaged"] += 1
        try:
            # It is written before the list is, so it is at least as new.
            self._instead = read_instead(self._store) if self.artwork_ids else ANYTHING
        except ValueError:
            self._reasons["takedown_damaged"] += 1
        return before != (self.artwork_ids, self._instead)

    def of(self, layout: Layout) -> TakenDown | None:
        """What of a layout's artwork is taken down; None: nothing."""
        if not self.artwork_ids:
            return None
        down = (layout, self._instead, self._placeholder, self._reasons)
        taken = TakenDown(self.artwork_ids, *down)
        return taken if taken.any else None
