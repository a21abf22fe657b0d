"""A layout's titles as rows draw them: the pair term, what may be shown, and words for seeds."""

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt64

from bandit.choice import GOLDEN, MASK, mix_number, mix_words
from bandit.draws import artwork_words, text_word
from bandit.rows.chain import ChainTitles
from serve.maps.layout import Layout
from serve.maps.rows.row_part import NOTHING, SCALES, row_weights
from serve.maps.rows.row_table import RowTable


class AskedTitles(NamedTuple):
    """Pages of as many titles each, as their members' maps have them."""

    slots: Int[np.ndarray, "pages slots"]
    ranks: UInt8[np.ndarray, "pages slots kept"]
    steps: UInt8[np.ndarray, "pages slots kept"]
    scales: UInt8[np.ndarray, "pages slots"]
    own: Int[np.ndarray, "pages slots"] | None = None
    """Ordinals that the maps drew title by title; None: all slots are drawn as rows."""

    @property
    def fixed(self) -> Bool[np.ndarray, "pages slots"]:
        """Slots that show the map's own draw, since rules change their titles."""
        return self.steps[..., 0] == NOTHING


class RowTitles:
    """What a table and a layout say of titles.

    Args:
        table: that maps point at.
        layout: that they are in.
    """

    def __init__(self, table: RowTable, layout: Layout) -> None:
        self.table, self.layout = table, layout
        starts, counts = layout.starts[:-1], layout.counts
        every = np.arange(int(counts.max()))
        self._starts, self._last = starts, counts - 1
        self._ordinals = starts[:, None] + np.minimum(every, counts[:, None] - 1)
        self._there = every < counts[:, None]
        self._left = table.left[self._ordinals].astype(np.float64)
        self.artworks = artwork_words(layout.artwork_ids)
        rules = table.rules
        self.record = text_word(rules.policy, rules.bundle, "personalised", rules.cell)
        self._base = text_word(table.nonce, rules.salt)
        self.whole = True
        """Nothing is taken down."""
        self._leave(self._there)

    def _leave(self, may: Bool[np.ndarray, "titles candidates"]) -> None:
        self._may, self._count = may, may.sum(1)
        self._in_order = np.argsort(~may, axis=1, kind="stable")
        self.words = self.layout.title_words.copy()
        """Of titles, with what is left of each: its draws are draws anew."""
        for slot in np.flatnonzero(self._count < self.layout.counts).tolist():
            left = self._in_order[slot, : self._count[slot]].tolist()
            self.words[slot] ^= np.uint64(text_word("left", *left))

    def without(self, down: Bool[np.ndarray, " artworks"]) -> "RowTitles":
        """The same without what is taken down."""
        titles = copy(self)
        titles.whole = False
        titles._leave(self._there & ~down[self._ordinals])
        return titles

    def shown(self, asked: AskedTitles) -> Bool[np.ndarray, "pages slots"]:
        """Slots of which something may be shown that was drawn: others are no part of a row."""
        may, drawn = self._may[asked.slots], self._count[asked.slots] > 0
        if asked.own is None:
            return drawn
        own = asked.own - self.layout.starts[asked.slots]
        kept = np.take_along_axis(may, own.clip(0, may.shape[2] - 1)[..., None], 2)[..., 0]
        return np.where(asked.fixed, kept, drawn)

    def seeds(
        self,
        asked: AskedTitles,
        own: Float[np.ndarray, "pages slots"],
        keys: UInt64[np.ndarray, " pages"],
        marks: Sequence[int],
        row: str,
        day: int,
    ) -> tuple[UInt64[np.ndarray, "pages slots"], list[int]]:
        """A seed for each slot, which all that its probabilities follow from is part of; epochs.

        Args:
            asked: of the titles, in reading order.
            own: propensities of the maps' own draws, see `serve.maps.rows.opened.own_chances`.
            keys: of the profiles, from `bandit.choice.profile_keys`.
            marks: of the maps' row parts: a hash of all that is in each.
            row: name of the row.
            day: days since 1970-01-01.
        """
        at = np.arange(1, asked.slots.shape[1] + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        words = self.words[asked.slots]
        if asked.own is not None:  # drawn again in an epoch of their own, which is not the row's
            drawn = mix_words(words + asked.own.astype(np.uint64)) ^ own.view(np.uint64)
            words = np.where(asked.fixed, mix_words(drawn), words)
        titles = np.add.reduce(mix_words(words + at), axis=1)
        word, days, seeds, epochs = text_word("row", row), self.table.rules.days, [], []
        staggered = mix_number(word)
        # Numbers and no arrays: pages are few, and each array costs a call.
        for key, mark, title in zip(keys.tolist(), marks, titles.tolist(), strict=True):
            epoch = (day + mix_number(key ^ staggered) % days) // days
            seed = mix_number(mix_number(key ^ self._base) + word & MASK)
            seed = mix_number(mix_number(seed ^ epoch & MASK) + mark & MASK)
            seeds.append(mix_number(seed ^ title))
            epochs.append(epoch)
        return mix_words(np.array(seeds, np.uint64)[:, None] + at), epochs

    def chain(self, asked: AskedTitles, uniforms: Float[np.ndarray, "pages slots"]) -> ChainTitles:
        """What the slots may show, with what stands left of them."""
        slots = asked.slots
        first, count = self._starts[slots], np.maximum(self._count[slots], 1)
        # No other title's artwork, whatever a map says.
        ranks = np.minimum(asked.ranks.astype(np.intp), self._last[slots][..., None])
        weights = row_weights(asked.steps, asked.scales)
        share = np.full(slots.shape, self.table.rules.explore)
        if not self.whole or asked.own is not None:
            ranks, weights, share = self._as_left(asked, ranks, weights, share)
        falls = uniforms / np.where(share > 0, share, 1.0) * count
        explored = self._in_order[slots, np.minimum(falls.astype(np.intp), count - 1)]
        tilts = np.zeros((*slots.shape, self._may.shape[1], ranks.shape[2]))
        right = self.table.right[first[:, 1:, None] + ranks[:, 1:]]
        beside = np.matmul(self._left[slots[:, :-1]], right.swapaxes(2, 3))
        np.divide(beside, SCALES[asked.scales[:, 1:]][..., None, None], out=tilts[:, 1:])
        return ChainTitles(weights, tilts, ranks, self._may[slots], share / count, share, explored)

    def _as_left(
        self,
        asked: AskedTitles,
        ranks: Int[np.ndarray, "pages slots kept"],
        weights: Float[np.ndarray, "pages slots kept"],
        share: Float[np.ndarray, "pages slots"],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ranks, weights and shares with what is taken down, and with the maps' own draws."""
        may = self._may[asked.slots]
        if asked.own is not None:
            own = (asked.own - self._starts[asked.slots]).clip(0, may.shape[2] - 1)
            ranks = np.where(asked.fixed[..., None], own[..., None], ranks)
        weights = np.where(np.take_along_axis(may, ranks, 2), weights, -np.inf)
        share = np.where(np.isfinite(weights).any(2), share, 1.0)
        if asked.own is not None:
            share = np.where(asked.fixed, 0.0, share)
            weights[..., 0] = np.where(asked.fixed, 0.0, weights[..., 0])
        return ranks, weights, share
