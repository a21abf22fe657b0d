"""What all pages of one layout share in memory, arranged so that a page takes few array calls."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from itertools import chain
from typing import cast
from zlib import crc32

import numpy as np
from jaxtyping import Int, Shaped

from data.lean.ids import TitleId
from serve.maps.artwork_map import (
    COMPLETE,
    CRC_RESIDUE,
    FORMAT,
    HEADER,
    ROWS_FORMAT,
    WIDE,
    ArtworkMap,
)
from serve.maps.layout import Layout, as_ids
from serve.maps.store import MAGIC
from serve.maps.takedown.watch import TakedownWatch, TakenDown
from serve.pictures.layout_pictures import HELD, CanvasView, LayoutPictures
from serve.pictures.url import artwork_url


class UrlTable:
    """URLs by ordinal, each title's fallback, and the slot of a title in one gather.

    Args:
        layout: that maps are in.
        base_url: put before each artwork's path.
        best: what all members are shown.
        pictures: of the layout; None: one an artwork.
        others: counts look-ups that got another canvas or language than was asked for, by the
            canvas that was; None counts nothing that anybody sees.
        taken: what of its artwork is taken down; None: nothing.
    """

    view: CanvasView | None = None
    """What a canvas gets; None: main pictures."""

    def __init__(
        self,
        layout: Layout,
        base_url: str,
        best: ArtworkMap | None,
        pictures: LayoutPictures | None = None,
        others: Counter[str] | None = None,
        taken: TakenDown | None = None,
    ) -> None:
        self.layout, self.base_url = layout, base_url
        self.others = Counter[str]() if others is None else others
        self._pictures = pictures
        self.titles = len(layout.title_ids)
        self.dtype = np.dtype(f"<u{layout.width}")
        self.url_of = [artwork_url(base_url, path) for path in layout.paths]
        self.urls = np.array(self.url_of, object)
        flags = COMPLETE | (WIDE if layout.width == 4 else 0)
        # What a map of this layout with a choice for every title starts with.
        starts = [
            HEADER.pack(MAGIC, form, flags, self.titles, layout.digest, b"", 0, 0, b"")[:16]
            for form in (FORMAT, ROWS_FORMAT)
        ]
        self.whole = starts[0], starts[1]
        self.is_text = layout.is_text
        ids = np.zeros(0, np.int64) if self.is_text else layout.title_ids
        self.modulus = 0 if self.is_text else _distinct_modulus(ids)
        # Slot by remainder: one division and one gather a title, where a binary search costs
        # twice as much in mispredicted branches. Remainders of no title point past the end.
        self.slot_at = np.full(self.modulus, self.titles, np.intp)
        if self.modulus:
            self.slot_at[ids % self.modulus] = np.arange(self.titles)
        # As an array of no dimension, which NumPy need not convert on every page.
        self.divisor = np.array(max(self.modulus, 1))
        self.padded = np.append(ids, -1)
        self.slot_of = layout.slot_of
        if best is not None and (best.layout, len(best.choices)) != (layout.digest, self.titles):
            best = None
        self.best = best
        best_choices = self.best.choices if self.best is not None else np.full(self.titles, -1)
        known = (best_choices >= 0) & (best_choices < len(layout.paths))
        self.fallback = np.where(known, best_choices, layout.defaults)
        self.fallback_level = np.where(known, 1, 2)
        self.taken = taken
        self._seen: dict[tuple[str, ...], UrlTable] = {}
        if taken is not None:
            self.url_of = taken.urls(self.url_of, self.fallback)
            self.urls = np.array(self.url_of, object)

    @cached_property
    def pictures(self) -> LayoutPictures:
        """Of the layout's artworks."""
        return self._pictures or LayoutPictures.single(self.layout.paths)

    def seen_as(self, canvas: str, languages: Sequence[str]) -> "UrlTable":
        """The same table with a canvas's URLs; of those with something taken down some are kept."""
        view = self.pictures.view(canvas, languages, self.base_url)
        kept = self._seen.get((canvas, *languages))
        if kept is not None and kept.view is view:
            return kept
        table = copy(self)
        table.view, table.url_of, table.urls = view, view.url_of, view.urls
        if self.taken is not None:
            table.url_of = self.taken.urls(view.url_of, self.fallback)
            table.urls = np.array(table.url_of, object)
            while len(self._seen) >= max(4, HELD // max(1, len(table.url_of))):
                self._seen.pop(next(iter(self._seen)))
            self._seen[canvas, *languages] = table
        return table

    def followed(self, watch: TakedownWatch) -> "UrlTable":
        """This table, or one without what has been taken down since, whatever else is new.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        if not watch.look():
            return self
        taken = watch.of(self.layout)
        return UrlTable(self.layout, self.base_url, self.best, self._pictures, self.others, taken)

    def find(
        self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]
    ) -> Int[np.ndarray, "any"] | None:
        """Slots of titles, or None when one of them is not in the layout."""
        ids = as_ids(title_ids)
        if self.is_text or ids.dtype == object:
            slots = self.find_texts(ids.ravel().tolist())
            return None if slots is None else slots.reshape(ids.shape)
        if self.modulus:
            slots = self.slot_at[ids % self.divisor]
        else:
            slots = self.padded[:-1].searchsorted(ids)
        # Compared as bytes: a fifth of the time of an elementwise comparison of 40.
        return slots if self.padded[slots].tobytes() == ids.tobytes() else None

    def find_pages(
        self, pages: Shaped[np.ndarray, "pages titles"] | Sequence[Sequence[str]]
    ) -> Int[np.ndarray, "pages titles"] | None:
        """Slots of some pages' titles, as many on each, or None as `find`."""
        if not self.is_text:
            return self.find(cast("np.ndarray", pages))
        slots = self.find_texts(list(chain.from_iterable(pages)))
        return None if slots is None else slots.reshape(len(pages), -1)

    def urls_of_pages(
        self,
        values: Sequence[bytes | None],
        title_ids: Shaped[np.ndarray, "pages titles"] | Sequence[Sequence[str]],
        seen: "UrlTable",
    ) -> np.ndarray | None:
        """URLs of pages whose maps are whole, of this layout and with a choice for every title.

        Args:
            values: maps as stored.
            title_ids: of each page, as many on each.
            seen: this table, or what a canvas makes of it.

        Returns:
            None where a map or a title is another, so that each page is opened by itself.
        """
        end = HEADER.size + self.titles * self.dtype.itemsize
        bodies = [
            value[HEADER.size : end]
            for value in values
            if value is not None
            and value.startswith(self.whole)
            and len(value) >= end
            and crc32(value) == CRC_RESIDUE
        ]
        slots = self.find_pages(title_ids)
        if slots is None or len(bodies) < len(values):
            return None
        choices = np.frombuffer(b"".join(bodies), self.dtype)
        slots = slots + np.arange(len(values))[:, None] * self.titles
        ordinals = choices[slots].astype(np.intp)
        try:
            urls = seen.urls[ordinals]
        except IndexError:
            return None
        if self.taken is not None:
            self.taken.count(ordinals)
        return urls

    def count_others(self, urls: np.ndarray) -> None:
        """Count what was given of another canvas or language than was asked for."""
        if self.view is None or not (stand_ins := self.view.stand_ins):
            return
        given = sum(url in stand_ins for url in urls.ravel().tolist())
        if given:
            self.others[self.view.canvas] += given

    def find_texts(self, title_ids: Sequence[TitleId]) -> Int[np.ndarray, " titles"] | None:
        """Slots of titles, or None when one of them is not in the layout.

        By a dictionary: Python keeps the hash of each text and compares its bytes, in C, so this is
        as quick as arrays of hashes, which would have to be made, and two titles cannot be one.
        """
        try:
            found = map(self.slot_of.__getitem__, title_ids)
            return np.fromiter(found, np.intp, len(title_ids))
        except KeyError:
            return None


def _distinct_modulus(ids: Int[np.ndarray, " titles"]) -> int:
    """Smallest tried modulus that tells all ids apart; 0 for catalogues too large for one."""
    titles = len(ids)
    if titles > 4096:
        return 0
    for modulus in (titles, *range(max(titles**2 // 8, titles) | 1, 8 * titles**2 + 99, 2)):
        if len(np.unique(ids % modulus)) == titles:
            return modulus
    return 0
