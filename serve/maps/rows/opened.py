"""Pages on their way through a row look-up: opened, as arrays, and as they are given back."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from serve.maps.artwork_map import HEADER, ArtworkMap
from serve.maps.rows.row_part import RowPart
from serve.maps.rows.row_titles import AskedTitles, RowTitles
from serve.maps.takedown.watch import TakenDown
from serve.maps.url_table import UrlTable


class RowPages(NamedTuple):
    """Pages that were opened."""

    urls: np.ndarray
    """Objects, pages × titles."""
    artwork_ids: list[list[str | None]]
    """None where nothing was drawn for the row."""
    decision_ids: list[list[str | None]]
    """Of what was drawn; None also where it was not logged."""
    propensities: Float[np.ndarray, "pages titles"]
    """Given what stands left of each; NaN where nothing was drawn for the row."""
    page_ids: list[str | None]
    """None: it was not logged, or opened title by title; `Lookup.reasons` says why."""

    @staticmethod
    def empty(pages: int, titles: int) -> "RowPages":
        """Of which nothing is known yet."""
        artworks: list[list[str | None]] = [[None] * titles for _ in range(pages)]
        ids: list[list[str | None]] = [[None] * titles for _ in range(pages)]
        none: list[str | None] = [None] * pages
        shape = (pages, titles)
        return RowPages(np.empty(shape, object), artworks, ids, np.full(shape, np.nan), none)

    def put(
        self,
        page: "Opened",
        urls: np.ndarray,
        propensities: Float[np.ndarray, " titles"],
        ids: list[str | None],
        names: list[str],
    ) -> None:
        """Put a page that was drawn in its places."""
        at, places = page.at, page.places
        self.urls[at, places] = urls
        self.propensities[at, places] = propensities
        for place, name, artwork in zip(places.tolist(), ids, names, strict=True):
            self.decision_ids[at][place], self.artwork_ids[at][place] = name, artwork


class Opened(NamedTuple):
    """A page whose map keeps rows."""

    at: int
    profile_id: str
    value: bytes
    part: RowPart
    slots: Int[np.ndarray, " titles"]
    places: Int[np.ndarray, " titles"]
    """Of its titles on the page as it was asked for."""


class KnownTitles(NamedTuple):
    """A row table that was read; None: the store does not have it."""

    whole: RowTitles | None
    taken: TakenDown | None = None
    left: RowTitles | None = None
    """Without what is taken down."""


def asked_of(pages: Sequence[Opened], table: UrlTable) -> AskedTitles:
    """Pages of as many titles each, as arrays."""
    kept = pages[0].part.kept
    codes = np.stack([page.part.codes[page.slots] for page in pages])
    asked = AskedTitles(
        np.stack([page.slots for page in pages]),
        codes[..., :kept],
        codes[..., kept:-1],
        codes[..., -1],
    )
    if asked.fixed.any():
        own = [np.frombuffer(page.value, table.dtype, table.titles, HEADER.size) for page in pages]
        chosen = [each[page.slots] for each, page in zip(own, pages, strict=True)]
        asked = asked._replace(own=np.stack(chosen).astype(np.int64))
    return asked


def own_chances(asked: AskedTitles, pages: Sequence[Opened]) -> Float[np.ndarray, "pages titles"]:
    """Propensities of maps' own draws, as the maps have them; NaN where they have none."""
    found, fixed = np.full(asked.slots.shape, np.nan), asked.fixed
    for at in np.flatnonzero(fixed.any(1)).tolist():
        explicit = dict(ArtworkMap.parse(pages[at].value).explicit)
        for place in np.flatnonzero(fixed[at]).tolist():
            chance = explicit.get(int(asked.slots[at, place]), np.nan)
            found[at, place] = chance if 0 < chance <= 1 else np.nan
    return found
