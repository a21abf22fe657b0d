"""Names meet by equality: whom a member watches most, and whom an artwork names.

A match is the sum, over the names that both have, of weight times weight. It is the same for every
head, so that many members are matched with a catalogue once, beside the product of functionals and
vectors and not within it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array


class Names(NamedTuple):
    """Names of some rows, by number, and how much each counts there; 0 pads."""

    ids: Int[np.ndarray, "*rows names"]
    weights: Float[np.ndarray, "*rows names"]

    @classmethod
    def none(cls, rows: int) -> "Names":
        """Rows that have none."""
        return cls(np.zeros((rows, 0), np.int64), np.zeros((rows, 0), np.float32))

    def at(self, rows: np.ndarray | slice) -> "Names":
        """Those of some rows."""
        return Names(self.ids[rows], self.weights[rows])

    def compact(self) -> "Names":
        """The same with each name once a row, and as few columns as there are names in any row."""
        count, width = self.ids.shape
        if not width:
            return self
        order = np.argsort(self.ids, axis=1, kind="stable")
        ids, weights = (np.take_along_axis(part, order, 1) for part in self)
        place = np.cumsum(np.diff(ids, axis=1, prepend=ids[:, :1]) != 0, axis=1)
        rows = np.broadcast_to(np.arange(count)[:, None], ids.shape)
        once, sums = np.zeros_like(ids), np.zeros_like(weights)
        once[rows, place] = ids
        np.add.at(sums, (rows, place), weights)
        counts = (once != 0) & (sums != 0)
        first = np.argsort(~counts, axis=1, kind="stable")[:, : int(counts.sum(1).max(initial=0))]
        there = np.take_along_axis(counts, first, 1)
        return Names(
            np.where(there, np.take_along_axis(once, first, 1), 0),
            np.where(there, np.take_along_axis(sums, first, 1), np.float32(0)),
        )


def own_matches(watched: Names, shown: Names) -> Float[np.ndarray, "decisions candidates"]:
    """How far each decision's member watches whom its own candidates name.

    Args:
        watched: ids and weights [decisions, watched].
        shown: ids and weights [decisions, candidates, names].
    """
    total = np.zeros(shown.ids.shape[:-1], np.float32)
    for ids, weights in zip(watched.ids.T, watched.weights.T, strict=True):
        same = (shown.ids == ids[:, None, None]) & (ids[:, None, None] != 0)
        total += np.where(same, shown.weights, np.float32(0)).sum(-1) * weights[:, None]
    return total


@dataclass(frozen=True)
class NameTable:
    """A catalogue's own names: a row of a table each, in which its artworks look theirs up."""

    ids: Int[np.ndarray, " distinct"]
    """In order."""
    slots: Int[np.ndarray, "*artworks names"]
    """Rows of the table; the one after the last for none."""
    weights: Float[np.ndarray, "*artworks names"]

    @classmethod
    def of(cls, shown: Names) -> "NameTable":
        """Of artworks' names, [artworks, names]."""
        shown = shown.compact()
        ids = np.unique(shown.ids[shown.ids != 0])
        slots = np.where(shown.ids != 0, np.searchsorted(ids, shown.ids), len(ids))
        return cls(ids, slots, shown.weights.astype(np.float32, copy=False))

    def at(self, artworks: Int[np.ndarray, "*some"]) -> "NameTable":
        """The same table for some of the artworks, in any arrangement."""
        return NameTable(self.ids, self.slots[artworks], self.weights[artworks])

    def watched(self, names: Names) -> Float[np.ndarray, "distinct_and_none members"]:
        """How much members, [members, names], watch each name; nobody watches none."""
        members, none = len(names.ids), len(self.ids)
        if not none or not names.ids.size:
            return np.zeros((none + 1, members), np.float32)
        at = self.ids.searchsorted(names.ids)
        known = self.ids.take(at, mode="clip") == names.ids
        places = np.where(known, at, none) * members + np.arange(members)[:, None]
        weights = np.where(known, names.weights, np.float32(0))
        flat = np.bincount(places.ravel(), weights.ravel(), (none + 1) * members)
        return flat.astype(np.float32).reshape(none + 1, members)

    def own(
        self, names: Names, artworks: Int[np.ndarray, "*artworks"]
    ) -> Float[np.ndarray, "*artworks"]:
        """Those of every member, [members, names], with artworks of its own, [members, ...]."""
        slots, members = self.slots[artworks], len(names.ids)
        member = np.arange(members).reshape(-1, *[1] * (slots.ndim - 1))
        found = self.watched(names).ravel().take(slots * members + member)
        return np.einsum("...n,...n->...", found, self.weights[artworks])

    def matches(self, names: Names) -> Float[np.ndarray, "members artworks"]:
        """Those of every member, [members, names], with every artwork."""
        return np.ascontiguousarray((self._by_artwork @ self.watched(names)).T)

    @cached_property
    def _by_artwork(self) -> csr_array:
        """Rows of artworks, columns of the table: a product reads each name of an artwork once."""
        artworks, each = self.slots.shape
        ends = np.arange(artworks + 1) * each
        whole = self.weights.ravel(), self.slots.ravel(), ends
        return csr_array(whole, shape=(artworks, len(self.ids) + 1))
