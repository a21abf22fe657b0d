"""What all pages of one layout share in memory, arranged so that a page takes few array calls."""

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np
from jaxtyping import Int, Shaped

from data.records import TitleId
from serve.maps.artwork_map import COMPLETE, FORMAT, HEADER, WIDE, ArtworkMap
from serve.maps.layout import Layout
from serve.maps.store import MAGIC

IN_PATHS = "/:@!$&'()*+,;=~"
"""Stands in a URL's path as it is, as letters, digits, `_`, `.` and `-` do (RFC 3986)."""


def artwork_url(base_url: str, path: str) -> str:
    """Where an artwork's file is had: its path in the catalogue, quoted, after a base."""
    return base_url + quote(path, safe=IN_PATHS)


class UrlTable:
    """URLs by ordinal, each title's fallback, and the slot of a title in one gather."""

    def __init__(self, layout: Layout, base_url: str, best: ArtworkMap | None) -> None:
        self.layout = layout
        self.titles = len(layout.title_ids)
        self.dtype = np.dtype(f"<u{layout.width}")
        self.url_of = [artwork_url(base_url, path) for path in layout.paths]
        self.urls = np.array(self.url_of, object)
        flags = COMPLETE | (WIDE if layout.width == 4 else 0)
        # What a map of this layout with a choice for every title starts with.
        self.whole = HEADER.pack(MAGIC, FORMAT, flags, self.titles, layout.digest, b"", 0, 0, b"")[
            :16
        ]
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

    def find(self, title_ids: Shaped[np.ndarray, "any"]) -> Int[np.ndarray, "any"] | None:
        """Slots of titles (`as_ids`), or None when one of them is not in the layout."""
        if self.is_text or title_ids.dtype == object:
            slots = self.find_texts(title_ids.ravel().tolist())
            return None if slots is None else slots.reshape(title_ids.shape)
        if self.modulus:
            slots = self.slot_at[title_ids % self.divisor]
        else:
            slots = self.padded[:-1].searchsorted(title_ids)
        # Compared as bytes: a fifth of the time of an elementwise comparison of 40.
        return slots if self.padded[slots].tobytes() == title_ids.tobytes() else None

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
