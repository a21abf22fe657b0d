"""Who untagged pictures show: whose tagged pictures they resemble, of the title's cast.

A guess is a probability. It is never written into anybody's data, and a name needs no rewards and
no training to be guessed: a tagged picture of the same catalogue is enough.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from data.shown.catalogue_sets import CatalogueSets

DIRECTIONS = 200
"""Leading ones, in which pictures are compared."""
SHRUNK = 0.3
"""How far the scatter within names is drawn to a round one."""
SHARPNESS = 6.0
"""Of a name's weight, by the cosine to the picture of it that is nearest."""
UNSEEN = 0.3
"""Cosine of somebody of whom there is no picture."""
MOST_PICTURES = 8
"""Of a name that are kept for later catalogues."""
MOST_KEPT = 20_000
"""Pictures kept in all."""


class Likeness(NamedTuple):
    """Pictures as directions of length 1, in which those of one name lie together."""

    matrix: Float[np.ndarray, "directions likeness"]

    @classmethod
    def of(cls, x: Float[np.ndarray, "pictures directions"], sets: CatalogueSets) -> "Likeness":
        """By how pictures differ that are tagged with the same name."""
        x = x[:, :DIRECTIONS].astype(np.float64)
        named = _by_name(sets.tagged)
        apart = [x[rows] - x[rows].mean(0) for rows in named.values() if len(rows) > 1]
        free = sum(len(rows) - 1 for rows in named.values())
        scatter = sum((one.T @ one for one in apart), np.zeros((x.shape[1],) * 2)) / max(1, free)
        even = np.trace(scatter) / max(1, len(scatter))
        if even <= 0:
            return cls(np.eye(x.shape[1], dtype=np.float32))
        scatter = (1 - SHRUNK) * scatter + SHRUNK * even * np.eye(len(scatter))
        sizes, axes = np.linalg.eigh(scatter)
        return cls((axes / np.sqrt(sizes) @ axes.T).astype(np.float32))

    def __call__(
        self, x: Float[np.ndarray, "pictures directions"]
    ) -> Float[np.ndarray, "pictures likeness"]:
        """Any pictures; the product of two rows is their cosine."""
        rows = x[:, : len(self.matrix)] @ self.matrix
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class Gallery(NamedTuple):
    """Tagged pictures, by the name that tags give them."""

    names: list[str]
    """Of each row; a name may have several."""
    rows: Float[np.ndarray, "rows likeness"]

    @classmethod
    def of(
        cls,
        likeness: Float[np.ndarray, "pictures likeness"],
        sets: CatalogueSets,
    ) -> "Gallery":
        """Of the tagged ones among these pictures."""
        named = _by_name(sets.tagged)
        rows = [row for of in named.values() for row in of]
        return cls([name for name, of in named.items() for _ in of], likeness[rows])

    def kept(self) -> "Gallery":
        """Few of each name, as they are written, for later catalogues."""
        seen, rows = defaultdict[str, int](int), list[int]()
        for row, name in enumerate(self.names):
            seen[name] += 1
            if seen[name] <= MOST_PICTURES:
                rows.append(row)
        rows = rows[:MOST_KEPT]
        written = self.rows[rows].astype(np.float16).astype(np.float32)
        return Gallery([self.names[row] for row in rows], written)

    def beside(self, other: "Gallery") -> "Gallery":
        """Both; a picture that is in both is there twice, which changes no maximum."""
        return Gallery([*self.names, *other.names], np.concatenate([self.rows, other.rows]))


class GuessedNames(NamedTuple):
    """Names with probabilities, which sum to 1 in each row that has any; each of a row once."""

    row: Int[np.ndarray, " guesses"]
    """Of the artwork."""
    code: Int[np.ndarray, " guesses"]
    """Of the name, in `distinct`."""
    distinct: list[str]
    probability: Float[np.ndarray, " guesses"]


def guess_names(
    likeness: Float[np.ndarray, "pictures likeness"],
    sets: CatalogueSets,
    gallery: Gallery,
    artworks: Int[np.ndarray, " some"],
) -> GuessedNames:
    """Who some artworks show, each of its title's cast; a cast of one leaves nothing to guess.

    Args:
        likeness: of each picture.
        sets: of their catalogue.
        gallery: tagged pictures, of this catalogue and of others.
        artworks: rows; their own pictures must not be in the gallery.
    """
    order = sorted(range(len(gallery.names)), key=gallery.names.__getitem__)
    rows = gallery.rows[order]
    spans = _spans([gallery.names[at] for at in order])
    by_title = defaultdict[int, list[int]](list)
    for row in artworks.tolist():
        by_title[int(sets.title_of[row])].append(row)
    code = dict[str, int]()
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for title, own in by_title.items():
        cast = sets.cast[title]
        if len(cast) < 2 or not any(name in spans for name in cast):
            continue
        cosines = np.full((len(own), len(cast)), UNSEEN)
        for at, name in enumerate(cast):
            if (span := spans.get(name)) is not None:
                cosines[:, at] = (likeness[own] @ rows[span].T).max(1)
        weights = np.exp(SHARPNESS * (cosines - cosines.max(1, keepdims=True)))
        codes = np.array([code.setdefault(name, len(code)) for name in cast])
        shares = weights / weights.sum(1, keepdims=True)
        found.append((np.repeat(own, len(cast)), np.tile(codes, len(own)), shares.ravel()))
    row, codes, shares = map(np.concatenate, zip(*found, strict=True))
    return GuessedNames(row, codes, list(code), shares)


def _by_name(tagged: list[list[str]]) -> dict[str, list[int]]:
    """Name → rows of the pictures that are tagged with it."""
    rows = defaultdict[str, list[int]](list)
    for row, names in enumerate(tagged):
        for name in names:
            rows[name].append(row)
    return dict(rows)


def _spans(names: list[str]) -> dict[str, slice]:
    """Name → where it stands in a sorted list."""
    spans = dict[str, slice]()
    start = 0
    for at in range(1, len(names) + 1):
        if at == len(names) or names[at] != names[start]:
            spans[names[start]] = slice(start, at)
            start = at
    return spans
