"""The numbering of what maps show beside artwork: a byte a title and kind stands for an entry.

An entry is an asset in words: of a template that speaks of what a member watches there is one for
each text that it may become. Like a layout, a table is named by its content, stored once beside the
maps, and never changes; a layout's value says which one is shown today.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt64

from bandit.draws import text_word
from data.lean.fast_json import dumps, loads
from data.lean.ids import TitleId
from serve.maps.layout import as_ids
from serve.maps.store import MapStore

NO_ENTRY = 255
"""In place of an entry's number: the kind is not shown."""
DIGEST = 8
"""Bytes of a table's name."""


class Entry(NamedTuple):
    """An asset of a title as a page shows it."""

    asset_id: str
    text: str | None
    """Slots of a template filled; None: it has no words."""
    frames: tuple[str, ...]
    """Paths of its picture or key frames."""
    language: str | None
    """Of its words; None: for all."""
    personal: bool
    """It speaks of what a member watches, and so is nobody's default."""


class KindTable:
    """Entries of titles, kind by kind.

    Args:
        kinds: beside the artwork, in the order in which a surface shows them.
        title_ids: by slot, as a layout has them.
        entries: of each kind, of each title; NO_ENTRY at most.

    Raises:
        ValueError: parts do not belong together, or a title has too many entries.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        title_ids: Sequence[TitleId] | np.ndarray,
        entries: Sequence[Sequence[Sequence[Entry]]],
    ) -> None:
        self.kinds, self.title_ids = tuple(kinds), as_ids(title_ids)
        self.entries = tuple(tuple(tuple(of) for of in titles) for titles in entries)
        if not self.kinds or [len(of) for of in self.entries] != [len(self.title_ids)] * len(kinds):
            raise ValueError(f"{len(self.entries)} lists of entries for kinds {self.kinds}")
        if max(len(of) for titles in self.entries for of in titles) > NO_ENTRY:
            raise ValueError(f"a title has more than {NO_ENTRY} entries of a kind")
        self.digest = hashlib.blake2b(self.to_bytes(), digest_size=DIGEST).digest()

    @cached_property
    def words(self) -> UInt64[np.ndarray, " titles"]:
        """What seeds mix in of each title: a hash of all that may be shown; 0: nothing may."""
        words = []
        for slot in range(len(self.title_ids)):
            own = [[tuple(entry[:2]) for entry in titles[slot]] for titles in self.entries]
            words.append(text_word("beside", self.kinds, own) if any(own) else 0)
        return np.array(words, np.uint64)

    @cached_property
    def slot_of(self) -> dict[TitleId, int]:
        """Slot of each title."""
        return {title: slot for slot, title in enumerate(self.title_ids.tolist())}

    @cached_property
    def starts(self) -> Int[np.ndarray, "kinds titles"]:
        """Where each title's entries begin among all of their kind."""
        counts = np.array([[len(of) for of in titles] for titles in self.entries], np.int64)
        return np.cumsum(counts, axis=1) - counts

    def shown(self, slot: int, codes: Sequence[int]) -> Iterator[tuple[str, Entry]]:
        """Kinds that a map shows of a title, and what of each.

        Args:
            slot: of the title.
            codes: of the map, a kind each.
        """
        for kind, titles, code in zip(self.kinds, self.entries, codes, strict=True):
            if code < len(titles[slot]):
                yield kind, titles[slot][code]

    def to_bytes(self) -> bytes:
        """As stored: the form its digest is taken of."""
        titles = self.title_ids.tolist()
        return dumps({"kinds": self.kinds, "title_ids": titles, "entries": self.entries})

    @staticmethod
    def from_bytes(raw: bytes, digest: bytes | None = None) -> "KindTable":
        """Read `to_bytes` back.

        Args:
            raw: as stored.
            digest: that its content must have; None: any.

        Raises:
            ValueError: it is no table, or another one than its name says.
        """
        try:
            got = loads(raw)
            entries = [[[_entry(*e) for e in of] for of in titles] for titles in got["entries"]]
            kinds = [str(kind) for kind in got["kinds"]]
            table = KindTable(kinds, got["title_ids"], entries)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"not what maps show beside artwork: {error}") from None
        if digest is not None and table.digest != digest:
            raise ValueError(f"the table of this name has the content {table.digest.hex()}")
        return table


def _entry(
    asset_id: object, text: object, frames: Sequence[object], language: object, personal: object
) -> Entry:
    """An entry as JSON has it.

    Raises:
        TypeError: a part is of another type.
    """
    texts = (asset_id, text or "", language or "", *frames)
    if not all(isinstance(one, str) for one in texts) or not isinstance(personal, bool):
        raise TypeError(f"no entry: {asset_id!r:.60}")
    told = tuple(None if one is None else str(one) for one in (text, language))
    return Entry(str(asset_id), told[0], tuple(map(str, frames)), told[1], personal)


def table_key(digest: bytes) -> str:
    """The shared value of a store that holds a table."""
    return f"kinds:{digest.hex()}"


def shown_key(layout: bytes) -> str:
    """The shared value that names the table of a layout's pages, by the layout's digest."""
    return f"kinds-of:{layout.hex()}"


def put_table(store: MapStore, layout: bytes, table: KindTable | None) -> None:
    """Say what maps of a layout show beside their artwork; None: nothing.

    Raises:
        StoreUnavailableError: it does not answer.
    """
    key = shown_key(layout)
    if table is not None:
        store.put_shared(table_key(table.digest), table.to_bytes())
        store.put_shared(key, table.digest)
    elif store.get_shared(key):  # of a run that showed more
        store.put_shared(key, b"")
