"""What a page shows beside its artwork, by its member's map: read with it, in array operations."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from data.lean.ids import TitleId
from data.lean.languages import reads
from serve.maps.artwork_map import MapBeside, beside_of
from serve.maps.beside.kind_table import NO_ENTRY, Entry, KindTable, shown_key, table_key
from serve.maps.layout import as_ids
from serve.maps.store import StoreUnavailableError
from serve.pictures.url import artwork_url


class PageAsset(NamedTuple):
    """What a page shows of a kind."""

    asset_id: str
    text: str | None
    """Slots of a template filled; None: it has no words."""
    frames: tuple[str, ...]
    """URLs of its picture or key frames."""
    drawn: bool
    """It was drawn with the artwork; else it is what everybody sees of the title."""


class ShownTable:
    """A table's entries as objects, ready to be gathered.

    Args:
        table: of a store.
        base_url: put before each path.
    """

    def __init__(self, table: KindTable, base_url: str) -> None:
        self.table, self.base_url = table, base_url
        every = [[self._asset(e, True) for of in titles for e in of] for titles in table.entries]
        self._drawn = [_objects([*own, None]) for own in every]
        self._starts = [of.astype(np.intp) for of in table.starts]
        self._defaults: dict[tuple[str, ...], list[np.ndarray]] = {}

    def _asset(self, entry: Entry, drawn: bool) -> PageAsset:
        urls = tuple(artwork_url(self.base_url, path) for path in entry.frames)
        return PageAsset(entry.asset_id, entry.text, urls, drawn)

    def slots(
        self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]
    ) -> Int[np.ndarray, "any"]:
        """Slot of each title; one past the last where it has none."""
        slot_of, ids = self.table.slot_of, as_ids(title_ids)
        none = len(slot_of)
        found = np.fromiter((slot_of.get(t, none) for t in ids.ravel().tolist()), np.intp, ids.size)
        return found.reshape(ids.shape)

    def defaults(self, languages: tuple[str, ...]) -> list[np.ndarray]:
        """Of each kind, what everybody sees by slot; nothing in the one past the last."""
        if languages not in self._defaults:
            if len(self._defaults) >= MOST_LANGUAGES:
                self._defaults.clear()
            low = [language.lower() for language in languages]
            self._defaults[languages] = [
                _objects([*(self._default(of, low) for of in titles), None])
                for titles in self.table.entries
            ]
        return self._defaults[languages]

    def _default(self, entries: Sequence[Entry], languages: Sequence[str]) -> PageAsset | None:
        for entry in entries:
            for_all = not languages or entry.language is None
            if not entry.personal and (for_all or reads(str(entry.language).lower(), languages)):
                return self._asset(entry, False)
        return None

    def every(
        self, codes: UInt8[np.ndarray, "kinds titles"], slots: Int[np.ndarray, "any"]
    ) -> dict[str, np.ndarray]:
        """What a map shows of each kind, of titles that all show its own artwork."""
        found = {}
        for kind, of, starts, own in zip(
            self.table.kinds, self._drawn, self._starts, codes, strict=True
        ):
            numbers = own[slots]
            at = starts[slots] + numbers
            at[numbers == NO_ENTRY] = len(of) - 1
            found[kind] = of.take(at, mode="clip")
        return found

    def drawn(
        self,
        kind: int,
        codes: UInt8[np.ndarray, " titles"],
        slots: Int[np.ndarray, "any"],
        own: Bool[np.ndarray, "any"],
    ) -> np.ndarray:
        """What a map shows of a kind: nothing where it says so, or where `own` is not.

        Args:
            kind: its place.
            codes: of the map.
            slots: of titles.
            own: where the map's own artwork is shown.
        """
        every = self._drawn[kind]
        inside = np.minimum(slots, len(codes) - 1)
        numbers = codes[inside].astype(np.intp)
        at = self._starts[kind][inside] + numbers
        known = own & (slots < len(codes)) & (numbers < NO_ENTRY) & (at < len(every) - 1)
        return every[np.where(known, at, len(every) - 1)]


MOST_LANGUAGES = 100
"""Lists of languages whose defaults are kept at hand."""


def _objects(values: Sequence[PageAsset | None]) -> np.ndarray:
    """An array of them: NumPy would take tuples apart."""
    made = np.empty(len(values), object)
    for at, value in enumerate(values):
        made[at] = value
    return made


class StoredKinds:
    """Tables of a store, read when a page first asks for one.

    Args:
        get_shared: of the store.
        base_url: put before each path.
        reasons: counts tables that are damaged or not there, as `kinds_unknown`.
    """

    def __init__(
        self, get_shared: Callable[[str], bytes | None], base_url: str, reasons: Counter[str]
    ) -> None:
        self._get, self._base_url, self._reasons = get_shared, base_url, reasons
        self._tables: dict[bytes, ShownTable | None] = {}
        self._shown: dict[bytes, bytes] = {}

    def forget(self) -> None:
        """Look again at which table is shown today."""
        self._shown.clear()
        self._tables = {digest: table for digest, table in self._tables.items() if table}

    def of_map(self, value: bytes | None) -> tuple[ShownTable, MapBeside] | None:
        """A map's table and entries; None: it shows artwork alone, or the table is not known."""
        beside = None if value is None else beside_of(value)
        if beside is None:
            return None
        table = self._table(beside.table)
        return None if table is None else (table, beside)

    def of_layout(self, layout: bytes) -> ShownTable | None:
        """What pages of a layout show where their member's map does not say; None: nothing."""
        if layout not in self._shown:
            raw = self._read(shown_key(layout))
            if raw is None:
                return None
            self._shown[layout] = raw
        digest = self._shown[layout]
        return self._table(digest) if digest else None

    def _read(self, key: str) -> bytes | None:
        """A value; empty where there is none, and None where the store does not answer."""
        try:
            return self._get(key) or b""
        except StoreUnavailableError as error:
            self._reasons[error.reason] += 1
            return None

    def _table(self, digest: bytes) -> ShownTable | None:
        if digest not in self._tables:
            raw = self._read(table_key(digest))
            if raw is None:
                return None
            try:
                known = None if not raw else KindTable.from_bytes(raw, digest)
            except ValueError:
                known = None
            self._tables[digest] = None if known is None else ShownTable(known, self._base_url)
        if self._tables[digest] is None:
            self._reasons["kinds_unknown"] += 1
        return self._tables[digest]
