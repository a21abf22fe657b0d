"""The look-up client: one store read opens a page, then titles map to image URLs in memory.

Page code needs no change: a `Page` is a read-only mapping from video id to URL, whatever the
page shows. Where a member has no map the title still has an image, level by level:
personalised → unpersonalised best → the title's default → the catalogue's placeholder.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from jaxtyping import Int

from serve.maps.artwork_map import CRC_RESIDUE, HEADER, ArtworkMap, CorruptMapError
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.maps.store import MapStore, StoreUnavailableError
from serve.maps.url_table import UrlTable

LEVELS = ("personalised", "unpersonalised", "default", "placeholder")
INT64, INTP = np.dtype(np.int64), np.dtype(np.intp)
BODY = HEADER.size
frombuffer = np.frombuffer
PLACEHOLDER = "/static/placeholder.svg"


class Page(Mapping[int, str]):
    """URLs of one page request by video id; no further read of the store.

    Iteration gives the titles of the catalogue; a title outside it has the placeholder.
    """

    __slots__ = ("_choices", "_counts", "_placeholder", "_table", "_whole")

    def __init__(
        self,
        table: UrlTable,
        choices: np.ndarray | None,
        whole: bool,
        counts: list[int],
        placeholder: str,
    ) -> None:
        self._table = table
        self._choices = choices
        self._whole = whole
        self._counts = counts
        self._placeholder = placeholder

    def __getitem__(self, title_id: int) -> str:
        url, level = self.resolve(title_id)
        self._counts[level] += 1
        return url

    def __iter__(self) -> Iterator[int]:
        return iter(self._table.slot_of)

    def __len__(self) -> int:
        return self._table.titles

    def __contains__(self, title_id: object) -> bool:
        return title_id in self._table.slot_of

    def resolve(self, title_id: int) -> tuple[Any, int]:
        """URL of a title and the index of its level in `LEVELS`; not counted."""
        table = self._table
        slot = table.slot_of.get(title_id)
        if slot is None:
            return self._placeholder, 3
        if self._choices is not None:
            choice = int(self._choices[slot])
            if self._whole or 0 <= choice < len(table.urls):
                return table.urls[choice], 0
        return table.urls[table.fallback[slot]], int(table.fallback_level[slot])

    def urls(self, title_ids: Int[np.ndarray, "any"]) -> np.ndarray:
        """URLs of many titles: an object array of the shape of `title_ids` (int64 is fastest)."""
        ids = np.asarray(title_ids, np.int64)
        if self._whole and self._choices is not None:
            slots = self._table.find(ids)
            if slots is not None:
                self._counts[0] += slots.size
                return self._table.urls.take(self._choices[slots])
        return self._urls_by_level(ids)

    def _urls_by_level(self, title_ids: np.ndarray) -> np.ndarray:
        table = self._table
        slots, known = table.layout.slots(title_ids)
        ordinals = table.fallback[slots]
        levels = np.where(known, table.fallback_level[slots], 3)
        if self._choices is not None:
            choices = self._choices[slots].astype(np.int64)
            own = known & (choices >= 0) & (choices < len(table.urls))
            ordinals = np.where(own, choices, ordinals)
            levels = np.where(own, 0, levels)
        urls = table.urls.take(ordinals)
        urls[~known] = self._placeholder
        for level, count in enumerate(np.bincount(levels.ravel(), minlength=4).tolist()):
            self._counts[level] += count
        return urls


class Lookup:
    """Opens pages from a store; safe to keep for the life of a process, one a thread.

    Args:
        store: where the maps are.
        layout: numbering to use when the store has none (a catalogue's own).
        base_url: put before each artwork's path.
        refresh: seconds between looks at the shared values (layout, unpersonalised map).
        pause: seconds during which a store that failed is not asked again.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        store: MapStore,
        layout: Layout | None = None,
        base_url: str = "",
        placeholder: str = PLACEHOLDER,
        refresh: float = 10.0,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._base_url, self._placeholder = store, base_url, placeholder
        self._refresh, self._pause, self._clock = refresh, pause, clock
        self._get = store.get
        self._begin = store.begin if isinstance(store, LmdbStore) else None
        self._counts = [0, 0, 0, 0]
        self.reasons: Counter[str] = Counter()
        """Pages that were not personalised, by reason."""
        self._tables: dict[bytes, UrlTable] = {}
        self._layout = layout
        self._best: ArtworkMap | None = None
        self._asleep_until = 0.0
        self._next_refresh = 0.0
        empty = layout if layout is not None else _no_titles()
        self._table = UrlTable(empty, base_url, None)
        self.refresh()

    @property
    def counts(self) -> dict[str, int]:
        """Look-ups so far by level."""
        return dict(zip(LEVELS, self._counts, strict=True))

    @property
    def titles(self) -> np.ndarray:
        """Titles of the catalogue that pages are opened in, uint32 ascending."""
        return self._table.layout.title_ids

    def refresh(self) -> None:
        """Read the shared values again; a failure keeps the ones in memory."""
        self._next_refresh = self._clock() + self._refresh
        try:
            digest = self._store.get_shared("layout")
            best = self._store.get_shared("unpersonalised")
            self._best = ArtworkMap.parse(best) if best is not None else self._best
        except StoreUnavailableError as error:
            self._sleep(error)
            return
        except CorruptMapError:
            self.reasons["unpersonalised_corrupt"] += 1
            digest = self._store.get_shared("layout")
        self._tables.clear()
        if digest is not None:
            self._table = self._table_of(digest) or self._table
        elif self._layout is not None:
            self._table = UrlTable(self._layout, self._base_url, self._best)

    def page(self, profile_id: str) -> Page:
        """Open a page request: one read of the store."""
        now = self._clock()
        if now >= self._next_refresh:
            self.refresh()
        table = self._table
        if self._asleep_until:
            if now < self._asleep_until:
                self.reasons["store_asleep"] += 1
                return self._fallback(table)
            self._asleep_until = 0.0
        try:
            value = self._get(profile_id)
        except StoreUnavailableError as error:
            self._sleep(error)
            return self._fallback(table)
        return self._opened(value)

    def urls(self, profile_id: str, title_ids: Int[np.ndarray, " titles"]) -> np.ndarray:
        """URLs of one page's titles: `page(profile_id).urls(title_ids)` in fewer calls."""
        if self._asleep_until or self._clock() >= self._next_refresh:
            return self.page(profile_id).urls(title_ids)
        try:
            if self._begin is not None:  # `LmdbStore.get` without its call
                value = self._begin().get(profile_id.encode() or b"\0")
            else:
                value = self._get(profile_id)
        except StoreUnavailableError as error:
            self._sleep(error)
            return self._fallback(self._table).urls(title_ids)
        table = self._table
        if (
            value is not None
            and table.modulus
            and title_ids.dtype is INT64
            and value.startswith(table.whole)
            and crc32(value) == CRC_RESIDUE
        ):
            # `find`, and what follows it, without a call: a page is four microseconds.
            slots = table.slot_at[title_ids % table.divisor]
            if table.padded[slots].tobytes() == title_ids.tobytes():
                self._counts[0] += slots.size
                choices = frombuffer(value, table.dtype, table.titles, BODY)
                return table.urls[choices[slots].astype(INTP)]
        return self._opened(value).urls(title_ids)

    def urls_many(
        self, profile_ids: Sequence[str], title_ids: Int[np.ndarray, "pages titles"]
    ) -> np.ndarray:
        """URLs of several pages' titles: one round trip to the store, arrays throughout."""
        table = self._table
        if self._clock() >= self._next_refresh or self._asleep_until:
            return np.stack([self.urls(p, t) for p, t in zip(profile_ids, title_ids, strict=True)])
        try:
            values = self._store.get_many(profile_ids)
        except StoreUnavailableError as error:
            self._sleep(error)
            values = [None] * len(profile_ids)
        whole = table.whole
        end = HEADER.size + table.titles * table.dtype.itemsize
        bodies = [
            value[HEADER.size : end]
            for value in values
            if value is not None and value.startswith(whole) and crc32(value) == CRC_RESIDUE
        ]
        slots = table.find(np.asarray(title_ids, np.int64))
        if slots is not None and len(bodies) == len(values):
            choices = np.frombuffer(b"".join(bodies), table.dtype)
            slots += np.arange(len(values))[:, None] * table.titles
            self._counts[0] += slots.size
            return table.urls[choices[slots].astype(INTP)]
        pages = [self._opened(value) for value in values]
        return np.stack([page.urls(ids) for page, ids in zip(pages, title_ids, strict=True)])

    def _opened(self, value: bytes | None) -> Page:
        table = self._table
        if value is not None and value.startswith(table.whole) and crc32(value) == CRC_RESIDUE:
            choices = np.frombuffer(value, table.dtype, table.titles, HEADER.size)
            return Page(table, choices, True, self._counts, self._placeholder)
        return self._odd_page(value)

    def _odd_page(self, value: bytes | None) -> Page:
        """A page without a map, or with one of another layout, with gaps, or corrupt."""
        if value is None:
            self.reasons["no_map"] += 1
            return self._fallback(self._table)
        try:
            found = ArtworkMap.parse(value)
        except CorruptMapError:
            self.reasons["map_corrupt"] += 1
            return self._fallback(self._table)
        try:
            table = self._table_of(found.layout)
        except StoreUnavailableError as error:
            self._sleep(error)
            table = None
        if table is None or len(found.choices) != table.titles:
            self.reasons["layout_unknown"] += 1
            return self._fallback(self._table)
        if table is self._table:
            return Page(table, found.choices, False, self._counts, self._placeholder)
        # Written before the catalogue changed: what is still shown keeps its choice.
        self.reasons["layout_older"] += 1
        moved = self._table.layout.translate(table.layout)
        choices = np.full(self._table.titles, -1)
        slots, known = self._table.layout.slots(table.layout.title_ids)
        kept = np.where(found.choices >= 0, moved[found.choices], -1)
        choices[slots[known]] = kept[known]
        return Page(self._table, choices, False, self._counts, self._placeholder)

    def _table_of(self, digest: bytes) -> UrlTable | None:
        table = self._tables.get(digest)
        if table is None:
            if self._layout is not None and self._layout.digest == digest:
                layout = self._layout
            else:
                raw = self._store.get_shared(f"layout:{digest.hex()}")
                if raw is None:
                    return None
                layout = Layout.from_bytes(raw)
            table = self._tables[digest] = UrlTable(layout, self._base_url, self._best)
        return table

    def _fallback(self, table: UrlTable) -> Page:
        return Page(table, None, False, self._counts, self._placeholder)

    def _sleep(self, error: StoreUnavailableError) -> None:
        self.reasons[error.reason] += 1
        self._asleep_until = self._clock() + self._pause


def _no_titles() -> Layout:
    """A numbering of nothing that a catalogue shows: every title gets the placeholder."""
    return Layout(np.array([2**32 - 2], np.uint32), ("",), ("",), np.array([0, 1]), np.array([0]))
