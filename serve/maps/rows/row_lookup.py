"""The look-up client for rows: a page's titles drawn together, out of the member's map.

A map of `python -m serve precompute --rows K` keeps a few artworks of each title with weights. When
a page is opened they are drawn slot by slot in reading order, each given what stands left of it,
from a seed that the member, the row and the epoch set: the same page shows the same row. Each page
is logged here, before it is shown, with exact conditional propensities.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int, UInt64

from bandit.choice import profile_keys, uniforms
from bandit.draws import draw_ids
from bandit.rows.chain import alone, draw_chain, probabilities
from data.lean.segment import LeanSegments
from serve.maps.artwork_map import CRC_RESIDUE
from serve.maps.layout import Layout
from serve.maps.lookup import Lookup
from serve.maps.rows.opened import KnownTitles, Opened, RowPages, asked_of, own_chances
from serve.maps.rows.page_log import RowDraws, page_body
from serve.maps.rows.row_part import RowPart
from serve.maps.rows.row_table import RowTable, nonce_of, row_table_key
from serve.maps.rows.row_titles import AskedTitles, RowTitles
from serve.maps.store import MapStore, StoreUnavailableError
from serve.maps.url_table import UrlTable

DAY_US = 86_400_000_000
LOGGED_KEPT = 65_536
"""Pages that are remembered as logged; one that is forgotten is logged again, under the same ids.
"""
TABLES_KEPT = 4


class RowLookup(Lookup):
    """Opens pages as rows; one a thread, as `Lookup` is.

    Args:
        store: where the maps are.
        log: folder of the log that pages are written to, which `python -m data roll` reads, on this
            machine; None: pages are drawn and not logged, so nothing can be learnt from them.
        now: seconds since 1970-01-01.
        more: as `Lookup` takes it.

    Raises:
        ValueError: the log is a URL.
        OSError: the log's folder cannot be used.
    """

    def __init__(
        self,
        store: MapStore,
        log: Path | str | None = None,
        now: Callable[[], float] = time.time,
        **more: Any,
    ) -> None:
        if log is not None and "://" in str(log):
            raise ValueError(
                f"log {log}: rows are logged to a folder of the page server, which `python -m data"
                " roll` reads; give a folder"
            )
        self._now, self._logged = now, dict[str, None]()
        self._log = None if log is None else LeanSegments(Path(log))
        self._known: dict[int, KnownTitles] = {}
        super().__init__(store, **more)

    def rows(
        self,
        profile_ids: Sequence[str],
        title_ids: np.ndarray | Sequence[Sequence[Any]],
        row: str = "",
        canvas: str | None = None,
        languages: Sequence[str] = (),
    ) -> RowPages:
        """Open pages, each as one row: one read of the store, one draw, arrays throughout.

        Args:
            profile_ids: whose pages.
            title_ids: of each page in reading order, as many on each.
            row: name of the row, where a member sees several: each is drawn by itself.
            canvas: whose pictures; None: main pictures.
            languages: of texts in pictures, in order of preference.
        """
        names = [self._names.of(name) for name in profile_ids] if self._names else profile_ids
        values = self._read(names)
        table, shape = self._table, (len(names), len(title_ids[0]) if len(names) else 0)
        seen = table if canvas is None else table.seen_as(canvas, languages)
        found = RowPages.empty(*shape)
        batches: dict[tuple[int, int], list[Opened]] = {}
        slots = table.find_pages(title_ids) if len(names) else None
        for at, value in enumerate(values):
            mine = None if slots is None else slots[at]
            page = self._with_rows(at, names[at], value, title_ids[at], mine)
            if page is not None:
                whole = len(page.places) == shape[1]
                batches.setdefault((page.part.nonce, -1 if whole else at), []).append(page)
        for (nonce, _), pages in batches.items():
            self._draw(self._titles(nonce, table), pages, row, seen, found)
        for at, value in enumerate(values):
            rest = [place for place, url in enumerate(found.urls[at]) if url is None]
            if rest:  # title by title
                page = self._opened(value)
                page = page if canvas is None else page.canvas(canvas, languages)
                found.urls[at, rest] = page.urls([title_ids[at][place] for place in rest])
        return found

    def close(self) -> None:
        """See that what was logged is on disk, and let go of it; the store stays open."""
        if self._log is not None:
            self._log.close()

    def _read(self, names: Sequence[str]) -> list[bytes | None]:
        """Maps by one read; none of a store that does not answer."""
        now = self._clock()
        if now >= self._next_look:
            self._look(now)
            # What was not there may have come.
            self._known = {nonce: one for nonce, one in self._known.items() if one.whole}
            if self._log is not None:
                self._log.sync()
        if self._asleep_until:
            if now < self._asleep_until:
                self.reasons["store_asleep"] += len(names)
                return [None] * len(names)
            self._asleep_until = 0.0
        try:
            return self._store.get_many(names)
        except StoreUnavailableError as error:
            self._sleep(error)
            return [None] * len(names)

    def _with_rows(
        self,
        at: int,
        profile_id: str,
        value: bytes | None,
        title_ids: Sequence[Any],
        slots: Int[np.ndarray, " titles"] | None,
    ) -> Opened | None:
        """A page whose map keeps rows for today's layout; None: it is opened title by title."""
        table = self._table
        if value is None:
            return None  # which is counted where it is opened
        if not value.startswith(table.whole[1]) or crc32(value) != CRC_RESIDUE:
            self.reasons["no_rows"] += 1
            return None
        try:
            part = RowPart.of_map(value, table.titles, table.layout.width)
        except ValueError:
            self.reasons["rows_damaged"] += 1
            return None
        titles = self._titles(part.nonce, table)
        if titles is None or part.kept != titles.table.rules.kept:
            self.reasons["rows_unknown"] += 1
            return None
        known = np.ones(len(title_ids), bool)
        if slots is None:
            slots, known = table.layout.slots(title_ids)
        page = Opened(at, profile_id, value, part, slots[known], np.flatnonzero(known))
        if not titles.whole:
            shown = titles.shown(asked_of([page], table))[0]
            page = page._replace(slots=page.slots[shown], places=page.places[shown])
        return page if len(page.slots) else None

    def _titles(self, nonce: int, table: UrlTable) -> RowTitles | None:
        """What a table says of the layout's titles; None: the store does not have it whole."""
        if nonce not in self._known:
            while len(self._known) >= TABLES_KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[nonce] = KnownTitles(self._read_titles(nonce, table.layout))
        known = self._known[nonce]
        if known.whole is None or table.taken is None:
            return known.whole
        if known.taken is not table.taken:
            every = np.arange(len(table.layout.artwork_ids))
            left = known.whole.without(table.taken.down(every))
            known = self._known[nonce] = KnownTitles(known.whole, table.taken, left)
        return known.left

    def _read_titles(self, nonce: int, layout: Layout) -> RowTitles | None:
        try:
            raw = self._store.get_shared(row_table_key(nonce))
            table = None if raw is None or nonce_of(raw) != nonce else RowTable.from_bytes(raw)
        except StoreUnavailableError as error:
            self._sleep(error)
            return None
        except ValueError:
            return None
        if table is None or table.rules.layout != layout.digest.hex():
            return None
        if len(table.left) != len(layout.artwork_ids):
            return None
        return RowTitles(table, layout)

    def _draw(
        self,
        titles: RowTitles | None,
        pages: list[Opened],
        row: str,
        seen: UrlTable,
        found: RowPages,
    ) -> None:
        """Draw pages of as many titles each, log them, and put them among what was found."""
        if titles is None:
            return
        asked, layout = asked_of(pages, self._table), titles.layout
        time_us = int(self._now() * 1e6)
        keys = profile_keys([page.profile_id for page in pages])
        marks = [page.part.mark for page in pages]
        own = own_chances(asked, pages)
        seeds, epochs = titles.seeds(asked, own, keys, marks, row, time_us // DAY_US)
        numbers = uniforms(seeds)
        chain = titles.chain(asked, numbers)
        drawn = draw_chain(chain, numbers)
        ordinals = layout.starts[asked.slots] + drawn.choice
        urls, propensities = seen.urls[ordinals], np.where(asked.fixed, own, drawn.propensity)
        logged = [True] * len(pages)
        ids: list[list[str | None]] = [[None] * seeds.shape[1] for _ in pages]
        if self._log is not None:
            fixed = asked.fixed
            named = (seeds, keys, titles, asked, ordinals, propensities)
            lone = np.where(fixed, propensities, alone(chain, drawn))
            chances = probabilities(chain, drawn)
            for at, (page, names) in enumerate(zip(pages, _names(*named), strict=True)):
                draws = RowDraws(
                    asked.slots[at],
                    ordinals[at],
                    names,
                    propensities[at],
                    lone[at],
                    chances[at],
                    fixed[at].tolist(),
                    seeds[at].tolist(),
                    epochs[at],
                    page.part.fingerprint,
                )
                logged[at] = self._logs(draws, titles, page, time_us)
                ids[at], found.page_ids[page.at] = list(names), draws.page_id
        for at, page in enumerate(pages):
            if logged[at]:
                shown = [layout.artwork_ids[ordinal] for ordinal in ordinals[at].tolist()]
                found.put(page, urls[at], propensities[at], ids[at], shown)
                self._counts[0] += len(page.places)
            else:
                found.page_ids[page.at] = None
        seen.count_others(urls)

    def _logs(self, draws: RowDraws, titles: RowTitles, page: Opened, time_us: int) -> bool:
        """Log a page that was not logged yet; whether it may be shown."""
        if np.isnan(draws.propensities).any():
            self.reasons["rows_damaged"] += 1
            return False
        if self._log is None or draws.page_id in self._logged:
            return True
        try:
            whose = (page.profile_id, page.part.facts(), time_us)
            self._log.append(page_body(draws, titles.layout, titles.table.rules, *whose))
        except (OSError, ValueError):
            self.reasons["rows_unlogged"] += 1
            return False
        while len(self._logged) >= LOGGED_KEPT:
            self._logged.pop(next(iter(self._logged)))
        self._logged[draws.page_id] = None
        return True


def _names(
    seeds: UInt64[np.ndarray, "pages titles"],
    keys: UInt64[np.ndarray, " pages"],
    titles: RowTitles,
    asked: AskedTitles,
    ordinals: Int[np.ndarray, "pages titles"],
    propensities: Float[np.ndarray, "pages titles"],
) -> list[list[str]]:
    """The draws of each page under their ids."""
    each = seeds.shape[1]
    ids = draw_ids(
        seeds.ravel(),
        np.repeat(keys, each),
        titles.layout.title_words[asked.slots].ravel(),
        titles.artworks[ordinals].ravel(),
        propensities.ravel(),
        titles.record,
    )
    return [ids[at : at + each] for at in range(0, len(ids), each)]
