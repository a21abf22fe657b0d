"""The look-up client: one store read opens a page, then titles map to image URLs in memory.

Page code needs no change: `PageUrls` is a read-only mapping from video id to URL, whatever the
page shows. Where a member has no map the title still has an image, level by level:
personalised → unpersonalised best → the title's default → the catalogue's placeholder.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from zlib import crc32

import numpy as np
from jaxtyping import Int

from data.privacy.pseudonym import Pseudonyms
from serve.maps.artwork_map import CRC_RESIDUE, HEADER, ArtworkMap, CorruptMapError
from serve.maps.beside.page_kinds import StoredKinds
from serve.maps.current import read_current
from serve.maps.layout import NO_TITLES, Layout, layout_key
from serve.maps.page_urls import LEVELS, PLACEHOLDER, PageUrls
from serve.maps.store import MapStore, StoreUnavailableError
from serve.maps.takedown.watch import TakedownWatch
from serve.maps.url_table import UrlTable
from serve.pictures.layout_pictures import StoredPictures

INT64, INTP = np.dtype(np.int64), np.dtype(np.intp)
BODY = HEADER.size
frombuffer, ndarray = np.frombuffer, np.ndarray
LOOK = 1.0
"""Seconds between looks at whether the store is whole."""


class Lookup:
    """Opens pages from a store; safe to keep for the life of a process, one a thread.

    Args:
        store: where the maps are.
        layout: numbering to use when the store has none (a catalogue's own).
        base_url: put before each artwork's path.
        refresh: seconds between looks at the shared values (layout, unpersonalised map).
        pause: seconds during which a store that failed is not asked again.
        clock: seconds, monotonic.
        names: that profiles go by in the maps; those of MARQUEE_PROFILE_SALT if None.
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
        names: Pseudonyms | None = None,
    ) -> None:
        self._store, self._base_url, self._placeholder = store, base_url, placeholder
        self._refresh, self._pause, self._clock = refresh, pause, clock
        names = Pseudonyms.from_environment() if names is None else names
        self._get = (lambda name: store.get(names.of(name))) if names else store.get
        self._names, self._counts = names, [0, 0, 0, 0]
        self.reasons: Counter[str] = Counter()
        """Pages that were not personalised, by reason."""
        self.other_canvas: Counter[str] = Counter()
        """Look-ups that got another canvas or language than was asked for, by that canvas."""
        self._pictures = StoredPictures(store.get_shared, self.reasons)
        self._kinds = StoredKinds(store.get_shared, base_url, self.reasons)
        self._shared = self._counts, placeholder, self._kinds
        self._tables: dict[bytes, UrlTable] = {}
        self._layout = layout
        self._best: ArtworkMap | None = None
        self._takedown = TakedownWatch(store, placeholder, self.reasons)
        self._asleep_until = self._next_refresh = self._next_look = 0.0
        self._table = UrlTable(NO_TITLES if layout is None else layout, base_url, None)
        self.refresh()

    @property
    def counts(self) -> dict[str, int]:
        """Look-ups so far by level."""
        return dict(zip(LEVELS, self._counts, strict=True))

    @property
    def canvases(self) -> list[str]:
        """Canvases that artworks have pictures of, those of most pictures first."""
        return list(self._table.pictures.aspects)

    @property
    def knows_titles(self) -> bool:
        """Whether the store has said which titles there are."""
        return self._table.layout is not NO_TITLES

    @property
    def titles(self) -> np.ndarray:
        """Titles of the catalogue that pages are opened in, ascending; int64, or objects: text."""
        return self._table.layout.title_ids

    def refresh(self) -> None:
        """Read the shared values again; a failure keeps the ones in memory."""
        now = self._clock()
        self._next_refresh = now + self._refresh
        self._next_look = now + min(LOOK, self._refresh)
        try:
            self._store.look()
            self._table = self._table.followed(self._takedown)
            current = read_current(self._store)
        except StoreUnavailableError as error:
            self._sleep(error)
            return
        except ValueError:
            self.reasons["current_damaged"] += 1
            return
        if current is not None and current.best is not None:
            try:
                self._best = ArtworkMap.parse(current.best)
            except CorruptMapError:
                self.reasons["unpersonalised_corrupt"] += 1
        self._tables.clear()
        self._kinds.forget()
        own = None if self._layout is None else self._layout.digest
        if digest := own if current is None else current.layout:
            self._table = self._known_table(digest) or self._table

    def _look(self, now: float) -> None:
        """What is due by a time: shared values, or whether the store is whole and what is down."""
        if now >= self._next_refresh:
            self.refresh()
            return
        self._next_look = now + LOOK
        try:
            self._store.look()
            self._table = self._table.followed(self._takedown)
        except StoreUnavailableError as error:
            self._sleep(error)

    def page(self, profile_id: str) -> PageUrls:
        """Open a page request: one read of the store, whatever canvases it shows."""
        now = self._clock()
        if now >= self._next_look:
            self._look(now)
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

    def urls(
        self, profile_id: str, title_ids: Int[np.ndarray, " titles"] | Sequence[str]
    ) -> np.ndarray:
        """URLs of one page's titles: `page(profile_id).urls(title_ids)` in fewer calls.

        Args:
            profile_id: whose page.
            title_ids: int64 where the catalogue has whole numbers, else a list of text.
        """
        if self._asleep_until or self._clock() >= self._next_look:
            return self.page(profile_id).urls(title_ids)
        try:
            value = self._get(profile_id)
        except StoreUnavailableError as error:
            self._sleep(error)
            return self._fallback(self._table).urls(title_ids)
        table = self._table
        if (
            value is not None
            and table.modulus
            and isinstance(title_ids, ndarray)
            and title_ids.dtype is INT64
            and value.startswith(table.whole)
            and crc32(value) == CRC_RESIDUE
        ):
            # `find`, and what follows it, without a call: a page is four microseconds.
            slots = table.slot_at[title_ids % table.divisor]
            if table.padded[slots].tobytes() == title_ids.tobytes():
                try:
                    choices = frombuffer(value, table.dtype, table.titles, BODY)
                    ordinals = choices[slots].astype(INTP)
                    urls = table.urls[ordinals]
                except (IndexError, ValueError):
                    return self._opened(value).urls(title_ids)
                self._counts[0] += slots.size
                if table.taken is not None:
                    table.taken.count(ordinals)
                return urls
        return self._opened(value).urls(title_ids)

    def urls_many(
        self,
        profile_ids: Sequence[str],
        title_ids: Int[np.ndarray, "pages titles"] | Sequence[Sequence[str]],
        canvas: str | None = None,
        languages: Sequence[str] = (),
    ) -> np.ndarray:
        """URLs of several pages' titles: one round trip to the store, arrays throughout.

        Args:
            profile_ids: whose pages.
            title_ids: of each page, as many on each; as in `urls`.
            canvas: whose pictures, see `PageUrls.canvas`; None: main pictures.
            languages: of texts in the pictures of a canvas, in order of preference.
        """

        def seen(page: PageUrls) -> PageUrls:
            return page if canvas is None else page.canvas(canvas, languages)

        def alone() -> np.ndarray:
            asked = zip(profile_ids, title_ids, strict=True)
            return np.stack([seen(self.page(p)).urls(t) for p, t in asked])

        table = self._table
        if self._clock() >= self._next_look or self._asleep_until:
            return alone()
        try:
            named = map(self._names.of, profile_ids) if self._names else profile_ids
            values = self._store.get_many(list(named))
        except StoreUnavailableError as error:
            if error.alone:  # others than these may be read
                return alone()
            self._sleep(error)
            values = [None] * len(profile_ids)
        as_asked = table if canvas is None else table.seen_as(canvas, languages)
        urls = table.urls_of_pages(values, title_ids, as_asked)
        if urls is not None:
            self._counts[0] += urls.size
            as_asked.count_others(urls)
            return urls
        pages = [seen(self._opened(value)) for value in values]
        return np.stack([page.urls(ids) for page, ids in zip(pages, title_ids, strict=True)])

    def _opened(self, value: bytes | None) -> PageUrls:
        table = self._table
        if value is not None and value.startswith(table.whole) and crc32(value) == CRC_RESIDUE:
            with suppress(ValueError):  # shorter than what it says
                choices = np.frombuffer(value, table.dtype, table.titles, HEADER.size)
                return PageUrls(table, choices, True, *self._shared, value)
        return self._odd_page(value)

    def _odd_page(self, value: bytes | None) -> PageUrls:
        """A page without a map, or with one of another layout, with gaps, or corrupt."""
        if value is None:
            self.reasons["no_map"] += 1
            return self._fallback(self._table)
        try:
            member_map = ArtworkMap.parse(value)
        except CorruptMapError:
            self.reasons["map_corrupt"] += 1
            return self._fallback(self._table)
        table = self._known_table(member_map.layout)
        if table is None or len(member_map.choices) != table.titles:
            self.reasons["layout_unknown"] += 1
            return self._fallback(self._table)
        if table.layout is self._table.layout:
            return PageUrls(self._table, member_map.choices, False, *self._shared, value)
        # Written before the catalogue changed: what is still shown keeps its choice.
        self.reasons["layout_older"] += 1
        choices = self._table.layout.choices_of(table.layout, member_map.choices)
        return PageUrls(self._table, choices, False, *self._shared, value)

    def _known_table(self, digest: bytes) -> UrlTable | None:
        """The table of a layout; None where the store does not have it whole, and counted."""
        try:
            return self._table_of(digest)
        except StoreUnavailableError as error:
            self._sleep(error)
        except ValueError:
            self.reasons["layout_damaged"] += 1
        return None

    def _table_of(self, digest: bytes) -> UrlTable | None:
        table = self._tables.get(digest)
        if table is None:
            layout = self._layout
            if layout is None or layout.digest != digest:
                raw = self._store.get_shared(layout_key(digest))
                if raw is None:
                    return None
                layout = Layout.from_bytes(raw, digest)
            pictures = self._pictures.of(digest, len(layout.artwork_ids))
            seen = (pictures, self.other_canvas, self._takedown.of(layout))
            table = self._tables[digest] = UrlTable(layout, self._base_url, self._best, *seen)
        return table

    def _fallback(self, table: UrlTable) -> PageUrls:
        return PageUrls(table, None, False, *self._shared)

    def _sleep(self, error: StoreUnavailableError) -> None:
        """Count a failure, and leave a store alone that failed as a whole."""
        self.reasons[error.reason] += 1
        if not error.alone:
            self._asleep_until = self._clock() + self._pause
