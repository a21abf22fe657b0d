"""A member's draws as they lie in a store: what is shown, under which id, with what probability."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from data.records import TitleId
from serve.maps.artwork_map import ArtworkMap, CorruptMapError
from serve.maps.beside.kind_table import KindTable, table_key
from serve.maps.layout import Layout
from serve.maps.map_draws import MapDraws, map_draws
from serve.maps.run_info import CatalogueWords, RunInfo, run_key
from serve.maps.store import MapStore


class MapReader:
    """Names the draws of maps in one layout; keeps what runs have in common.

    Args:
        store: where maps and runs are.
        layout: that maps must be in.
        words: of that layout, where they are known: they hash every artwork's id.
    """

    def __init__(
        self, store: MapStore, layout: Layout, words: CatalogueWords | None = None
    ) -> None:
        self.store, self.layout = store, layout
        self._words = CatalogueWords.of(layout) if words is None else words
        self._infos: dict[int, RunInfo] = {}
        self._tables: dict[bytes, KindTable | None] = {}

    def draws(
        self, profile_id: str, day: int, title_ids: Sequence[TitleId] | None = None
    ) -> tuple[ArtworkMap, MapDraws] | None:
        """A profile's map and its draws; None where there is none in this layout.

        Args:
            profile_id: whose.
            day: today, since 1970-01-01.
            title_ids: that are wanted; None: all.

        Raises:
            StoreUnavailableError: the store does not answer.
            CorruptMapError: what it gave is no map.
        """
        value = self.store.get(profile_id)
        if value is None:
            return None
        member_map = ArtworkMap.parse(value)
        if member_map.layout != self.layout.digest:
            return None
        refuse_other_artworks(member_map, self.layout)
        for run in member_map.runs:
            if run.nonce not in self._infos:
                self._learn(run.nonce)
        slots = None
        if title_ids is not None:
            slots, known = self.layout.slots(title_ids)
            slots = np.unique(slots[known])
        beside = None
        if member_map.beside is not None:
            table = self.table(member_map.beside.table)
            if table is None or len(table.title_ids) != len(member_map.choices):
                return member_map, MapDraws.by_slot([])  # draws of which nobody knows the names
            # A title whose assets are not all shown was drawn among them all the same.
            beside = table.words
        own = member_map, profile_id, self._words, self._infos, day, slots
        return member_map, map_draws(*own, beside)

    def table(self, digest: bytes) -> KindTable | None:
        """What numbers that which maps show beside artwork; None: it is not there, or damaged.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        if digest not in self._tables:
            raw = self.store.get_shared(table_key(digest))
            self._tables[digest] = None
            with suppress(ValueError):
                self._tables[digest] = None if raw is None else KindTable.from_bytes(raw, digest)
        return self._tables[digest]

    def _learn(self, nonce: int) -> None:
        raw = self.store.get_shared(run_key(nonce))
        if raw is None:
            return
        # What a run has in common names it: damaged, its draws are as if they had none.
        with suppress(ValueError):
            info = RunInfo.from_bytes(raw)
            if info.nonce == nonce:
                self._infos[nonce] = info


def refuse_other_artworks(member_map: ArtworkMap, layout: Layout) -> None:
    """See to it that a map says something of each title of its layout, and nothing else.

    Raises:
        CorruptMapError: it does not.
    """
    choices, artworks = member_map.choices, len(layout.artwork_ids)
    if len(choices) != len(layout.title_ids) or (choices >= artworks).any():
        raise CorruptMapError(
            f"a map of {len(choices)} titles chooses other artworks than the {artworks} of its "
            "layout; precompute this profile again"
        )
