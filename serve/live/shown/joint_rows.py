"""Live pages decided as rows: what a bundle has learnt of neighbours, for the titles of a layout.

A row is one draw: its titles share an epoch, and all that its probabilities follow from (every
title in order, and what each may show) is part of every slot's seed. So a page that is asked for
again shows the same row, and one whose titles or order differ is drawn anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int, UInt64

from bandit.choice import GOLDEN, mix_words, uniforms
from bandit.draws import text_word
from bandit.head_policy import HeadPolicy
from bandit.rows.decide_rows import RowDecided, decide_rows
from bandit.rows.most_alike import MostAlike
from bandit.rows.take_values import take_values
from bandit.rules.decide import Ruled
from data.bundle.manifest import Calibration
from data.bundle.row_pairs import RowPairs
from data.features import ContextFeatures
from serve.maps.layout import Layout
from serve.scoring.scored import Artworks

MOST_PAIRS = 1 << 22
"""Numbers of pairs of a page, heads times slots times candidates squared, beyond which its titles
are decided each by itself: a page holds up all others while it is decided."""
ALIKE = 0.7
"""Cosine of two images' coordinates from which they are alike: of random pairs a few in a hundred.
"""


@dataclass(frozen=True)
class JointRows:
    """A bundle's pair term, and what else of takes it needs, by the slots of a layout."""

    coordinates: Float[np.ndarray, "titles ranks rank"]
    forms: Float[np.ndarray, "heads rank rank"]
    appeals: Float[np.ndarray, "titles appeal"]
    """Of each title, the mean over its artworks."""
    calibration: Calibration
    most_alike: int = 0
    """Images of a page that may be alike, a rule beside what was learnt; 0: as many as may be."""

    # Each is a part of the bundle or of the catalogue.
    @classmethod
    def of(
        cls,
        pairs: RowPairs,
        calibration: Calibration,
        layout: Layout,
        artworks: Artworks,
        most_alike: int = 0,
    ) -> "JointRows":
        """Arranged for a layout.

        Args:
            pairs: of the bundle.
            calibration: of the bundle.
            layout: titles and candidates.
            artworks: what the bundle says of the layout's artworks, in its order.
            most_alike: images of a page that may be alike; 0: as many as may be.
        """
        counts, starts = layout.counts, layout.starts[:-1]
        ranked = starts[:, None] + np.minimum(np.arange(counts.max()), counts[:, None] - 1)
        forms = pairs.heads.astype(np.float32)
        coordinates = pairs.coordinates(artworks.vectors)[ranked]
        # One of a title: which of its artworks is chosen depends on their scores alone, as ever.
        appeals = np.add.reduceat(artworks.appeals, starts) / counts[:, None]
        return cls(coordinates, forms, appeals, calibration, most_alike)

    def fits(self, lengths: Int[np.ndarray, " pages"]) -> bool:
        """Whether no page has too many pairs."""
        slot = len(self.forms) * self.coordinates.shape[1] ** 2
        return int(lengths.max()) * slot <= MOST_PAIRS

    def words(
        self, words: UInt64[np.ndarray, "4 pages slots"], lengths: Int[np.ndarray, " pages"]
    ) -> UInt64[np.ndarray, "4 pages slots"]:
        """What `serve.live.page_draws.open_draws` asks of titles, where a row is one draw.

        Args:
            words: as without neighbours, after rules.
            lengths: slots of each page.
        """
        at = np.arange(1, words.shape[2] + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        each = mix_words(mix_words(words[1] + at) + words[3])
        there = np.arange(words.shape[2]) < lengths[:, None]
        limit = np.uint64(text_word("alike", self.most_alike, ALIKE) if self.most_alike else 0)
        row = mix_words(np.add.reduce(each * there, axis=1) ^ limit)[:, None]
        turned = words.copy()
        turned[0] = row  # all titles of the row have the epochs of the row
        turned[3] = mix_words(words[3] ^ row)
        return turned

    # What a batch of pages is decided by.
    def decide(
        self,
        scores: Float[np.ndarray, "heads pages ranks slots"],
        weighed: Float[np.ndarray, "pages appeal"] | None,
        slots: Int[np.ndarray, "pages slots"],
        lengths: Int[np.ndarray, " pages"],
        seeds: UInt64[np.ndarray, "pages slots"],
        policy: HeadPolicy,
        ruled: Ruled | None = None,
    ) -> RowDecided:
        """Decide the rows of pages.

        Args:
            scores: by head; −∞ where there is no candidate.
            weighed: what titles' appeals are weighed by, for each page's member.
            slots: of each page's titles in the layout.
            lengths: titles of each page; what comes after them is filling.
            seeds: of the draws.
            policy: how the heads decide.
            ruled: which decisions rules change.
        """
        title = np.zeros(slots.shape)
        if weighed is not None:
            title += (weighed[:, None] * self.appeals[slots]).sum(2)
        bias, temperature = self.calibration.bias, self.calibration.temperature
        shift = (title + bias).astype(scores.dtype)[:, None]
        logits = (scores + shift) / scores.dtype.type(temperature)
        logits = np.ascontiguousarray(logits.transpose(3, 1, 2, 0))
        values = take_values(logits, self.coordinates[slots].swapaxes(0, 1), self.forms, lengths)
        allowed = np.isfinite(scores[0]).transpose(2, 0, 1)
        return decide_rows(values, allowed, uniforms(seeds), policy, ruled, self._limit(slots))

    def _limit(self, slots: Int[np.ndarray, "pages slots"]) -> MostAlike | None:
        if not self.most_alike:
            return None
        seen = self.coordinates[slots].swapaxes(0, 1)
        length = np.linalg.norm(seen, axis=-1, keepdims=True)
        return MostAlike(seen / np.maximum(length, 1e-12), self.most_alike, ALIKE)


def joint_for(joint: JointRows | None, lengths: Int[np.ndarray, " pages"]) -> JointRows | None:
    """What pages of such lengths are decided by as rows; None: each title by itself."""
    return joint if joint is not None and joint.fits(lengths) else None


def one_by_one(
    facts: pa.StructArray | ContextFeatures,
) -> Iterator[pa.StructArray | ContextFeatures]:
    """The facts of each page of a batch."""
    if isinstance(facts, ContextFeatures):
        for row in range(len(facts[0])):
            yield ContextFeatures(*(column[row : row + 1] for column in facts))
        return
    yield from (facts.slice(row, 1) for row in range(len(facts)))
