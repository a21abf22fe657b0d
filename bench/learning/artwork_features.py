"""What policies of the artwork rounds are told of artwork beyond its row: places, and matches."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from bench.learning.stage import Stage
from data.features import CAST_BUCKETS, ContextFeatures
from data.standardise import Standard
from simulate.testbeds.artwork_rounds import Whole


@dataclass(frozen=True)
class NameMatch:
    """How far an artwork's tags name whom a member watches, beyond what its title does."""

    slot: Int[np.ndarray, " buckets"]
    """Column of a bucket; the last for those that no artwork names."""
    contrast: Float[np.ndarray, "artworks names"]
    titles: Float[np.ndarray, "artworks names"]
    """Names in each artwork's title."""
    unit: float = 1.0
    """What counts as 1: the deviation over members and artworks."""

    @classmethod
    def of(cls, stage: Stage, whole: Whole) -> "NameMatch":
        """Of a stage's artworks."""
        given = whole.candidates(stage.bank)
        titles = _bags(given.title_cast_ids, given.title_cast_weights)
        contrast = _bags(given.cast_ids, given.cast_weights) - titles
        contrast *= given.cast_weights.sum(1, keepdims=True) > 0  # without tags nothing is known
        names = np.flatnonzero(contrast.any(0) | titles.any(0))
        slot = np.full(CAST_BUCKETS, len(names))
        slot[names] = np.arange(len(names))
        made = cls(slot, contrast[:, names], titles[:, names])
        spread = made.watched(whole.context(stage.sample())) @ made.contrast.T
        return replace(made, unit=float(spread.std()) + 1e-6)

    def watched(self, facts: ContextFeatures) -> Float[np.ndarray, "decisions names"]:
        """Weights of the names that artwork shows, in units of a match."""
        shares = np.zeros((len(facts.cast_ids), self.contrast.shape[1] + 1), np.float32)
        rows = np.arange(len(shares))[:, None]
        np.add.at(shares, (rows, self.slot[facts.cast_ids]), facts.cast_weights)
        return shares[:, :-1] / self.unit

    def __call__(
        self, watched: Float[np.ndarray, "members names"], artworks: Int[np.ndarray, " artworks"]
    ) -> Float[np.ndarray, "artworks 2"]:
        """How far the title of each artwork names whom is watched; and the match.

        `watched` has a row for each artwork, or one for all.
        """
        parts = (watched * self.titles[artworks]).sum(1), (watched * self.contrast[artworks]).sum(1)
        return np.stack(parts, 1)


class ShownMatches:
    """How far pictures show what a member's counts are of: a number each, in units of its own."""

    def __init__(self, stage: Stage, whole: Whole) -> None:
        self.columns = [(np.array(of.member), np.array(of.artwork)) for of in whole.matches]
        self.shown = whole.candidates(stage.bank).dense
        some = whole.context(stage.sample()).dense
        self.units = [
            float((some[:, member] @ self.shown[:, artwork].T).std()) + 1e-6
            for member, artwork in self.columns
        ]

    def __call__(
        self, facts: Float[np.ndarray, " facts"], artworks: Int[np.ndarray, " artworks"]
    ) -> Float[np.ndarray, "artworks matches"]:
        """Of one member with some artworks."""
        found = [
            self.shown[np.ix_(artworks, artwork)] @ facts[member] / unit
            for (member, artwork), unit in zip(self.columns, self.units, strict=True)
        ]
        return np.stack(found, 1) if found else np.zeros((len(artworks), 0))


def _bags(ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights by bucket: [rows, buckets]; bucket 0 pads."""
    shares = np.zeros((len(ids), CAST_BUCKETS), np.float32)
    np.add.at(shares, (np.arange(len(ids))[:, None], ids), weights)
    shares[:, 0] = 0
    return shares


def leading(rows: np.ndarray, directions: int) -> np.ndarray:
    """Standardised, in the leading directions (0: all there are), mean square of a row 1."""
    scaled = Standard.of(rows)(rows)
    if directions:
        left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
        scaled = left[:, :directions] * sizes[:directions]
    return scaled / np.sqrt((scaled**2).sum(1).mean())
