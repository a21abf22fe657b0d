"""Which artworks of a catalogue look like a picture, to a bundle's own eyes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from data.catalogue import Catalogue
from data.images.cache import ImageCache, image_cache
from data.images.format import ImageFormat
from data.records import TitleId
from serve.scoring.artwork_vectors import embedded
from serve.scoring.scorer import Scorer
from web.lab.cautions import SAME, difference

NEAR = 12
"""Neighbours that may be the same picture."""
KIN = 20
"""Neighbours of other titles that say what a picture is of."""
UNLIKE = 0.03
"""Share of the catalogue's own artworks that are said to be unlike their titles."""
JUDGED = 300
"""Of them that this is told by."""
SHOWN = 6
"""Of them that a page shows, of other titles than the one judged."""


class _Seen(NamedTuple):
    """Directions from the catalogue's middle picture, each number on a scale of its own."""

    middle: Float[np.ndarray, " looks"]
    scale: Float[np.ndarray, " looks"]
    ways: Float[np.ndarray, "seen looks"]


@dataclass(frozen=True)
class CatalogueLooks:
    """All artworks of a catalogue that have a picture, as a bundle sees them."""

    scorer: Scorer
    catalogue: Catalogue
    cache: Path

    @cached_property
    def shape(self) -> ImageFormat | None:
        """Of the pictures that the bundle reads; None: it reads none."""
        return self.scorer.manifest.image

    @cached_property
    def _decoded(self) -> ImageCache:
        assert self.shape is not None
        return image_cache(self.catalogue, self.cache, self.shape, quiet=True, leave_out=True)

    @cached_property
    def rows(self) -> Int[np.ndarray, " seen"]:
        """Of the catalogue's artworks, those that have a picture."""
        ids = self.catalogue.artwork_ids
        return np.array([at for at, name in enumerate(ids) if name in self._decoded.rows], np.int64)

    @cached_property
    def names(self) -> list[str]:
        """Their ids."""
        return [self.catalogue.artwork_ids[row] for row in self.rows]

    def pixels(self, artwork: str) -> UInt8[np.ndarray, "3 height width"]:
        """An artwork's image as the bundle reads it."""
        return np.array(self._decoded.images[self._decoded.of([artwork])[0]])

    @cached_property
    def _places(self) -> Int[np.ndarray, " seen"]:
        return self._decoded.of(self.names)

    @cached_property
    def _seen(self) -> "_Seen":
        raw = embedded(self.scorer, self._decoded.images, self._places, self.cache)
        middle, scale = raw.mean(0), np.maximum(raw.std(0), 1e-6)
        return _Seen(middle, scale, _unit((raw - middle) / scale))

    def warm(self) -> None:
        """Look at all of them, if the bundle reads pictures at all."""
        if self.shape is not None:
            _ = self._least_kinship

    def nearest(self, pixels: UInt8[np.ndarray, "3 height width"]) -> Int[np.ndarray, " seen"]:
        """Places among `rows`, the likest first."""
        middle, scale, ways = self._seen
        mine = _unit((self.scorer.embed(pixels[None]) - middle) / scale)
        return np.argsort(-(ways @ mine[0]), kind="stable")

    def same(
        self, pixels: UInt8[np.ndarray, "3 height width"], nearest: Int[np.ndarray, " seen"]
    ) -> list[str]:
        """Artworks that are the same picture, as far as anybody sees."""
        there = [
            (difference(pixels, self._decoded.images[self._places[at]]), self.names[at])
            for at in nearest[:NEAR]
        ]
        return [name for apart, name in sorted(there) if apart < SAME]

    def unlike(self, title: TitleId, nearest: Int[np.ndarray, " seen"]) -> str | None:
        """The title's genres where its neighbours' titles hardly share one; None where they do.

        That is less often, beside how many of the catalogue share one, than for all but a small
        part of the artworks that titles have.
        """
        held = self._kinship(title, nearest)
        if held is None or held >= self._least_kinship:
            return None
        return " or ".join(sorted(self._genres[title]))

    def _kinship(self, title: TitleId, nearest: Int[np.ndarray, " seen"]) -> float | None:
        """How many times as often as others neighbours of other titles share a genre."""
        mine = self._genres.get(title, frozenset())
        others = np.array([at for at in nearest if self.owners[at] != title], np.int64)
        shares = self._shares(mine)
        usual = shares[others].mean() if len(others) > KIN else 0.0
        return float(shares[others[:KIN]].mean() / usual) if mine and usual else None

    @cached_property
    def _least_kinship(self) -> float:
        """What all but UNLIKE of the catalogue's own artworks have."""
        ways = self._seen.ways
        some = np.random.default_rng(0).permutation(len(ways))[:JUDGED]
        nearest = np.argsort(-(ways[some] @ ways.T), axis=1, kind="stable")
        pairs = zip(some, nearest, strict=True)
        own = [self._kinship(self.owners[at], row) for at, row in pairs]
        known = [one for one in own if one is not None]
        return float(np.quantile(known, UNLIKE)) if len(known) > 1 / UNLIKE else 0.0

    @cached_property
    def owners(self) -> list[TitleId]:
        """Titles of the artworks of `rows`."""
        every = self.catalogue.artworks["title_id"].to_pylist()
        return [every[row] for row in self.rows]

    @cached_property
    def _genres(self) -> dict[TitleId, frozenset[str]]:
        genres = self.catalogue.titles["genres"].to_pylist()
        pairs = zip(self.catalogue.title_ids, genres, strict=True)
        return {title: frozenset(own or ()) for title, own in pairs}

    def _shares(self, genres: frozenset[str]) -> Bool[np.ndarray, " seen"]:
        return np.array([bool(self._genres[owner] & genres) for owner in self.owners])


def _unit(rows: Float[np.ndarray, "rows looks"]) -> Float[np.ndarray, "rows looks"]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
