"""A theatre: plays with portrait posters, visitors with facts of its own, and who books.

None of its facts is one that Marquee comes with: what is known of a visitor is a year of birth, a
quarter of the town, a seat, liked motifs and a vector of taste. What a poster shows is a motif, a
palette and how many figures there are, and only its pixels say so. Nine rows in ten are an
editor's picks.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

MOTIFS = ("storm", "garden", "tower", "mask", "moon", "crown")
PALETTES = ("warm", "cold", "pale", "dark")
FIGURES = ("nobody", "one", "crowd")
QUARTERS = ("harbour", "old town", "hill", "station", "park", "works")
SEATS = ("stalls", "circle", "gods")
TASTE = 6
"""Numbers of a vector of taste."""
RESERVED, SHARE_RESERVED = 0.5, 0.4
"""Reward of a seat that is reserved and not paid, and how many of those who act do only that."""


class TheatreSize(NamedTuple):
    """How much there is of everything."""

    plays: int = 80
    posters: int = 5
    """A play."""
    visitors: int = 4000
    rows: int = 60_000
    days: int = 20
    drawn: float = 0.1
    """Share of rows that were drawn at random; the others are the editor's."""
    base: float = 0.08
    """Share of those who act on a poster at random, about."""


@dataclass(frozen=True)
class TheatreVisitors:
    """What is known of each, and what moves them."""

    born: Int[np.ndarray, " visitors"]
    """Year; 0: not known."""
    quarter: Int[np.ndarray, " visitors"]
    seat: Int[np.ndarray, " visitors"]
    liked: Bool[np.ndarray, "visitors motifs"]
    taste: Float[np.ndarray, "visitors taste"]
    pull: Float[np.ndarray, "visitors looks"]
    """Logits by what a poster shows."""

    def __len__(self) -> int:
        return len(self.born)


@dataclass(frozen=True)
class Posters:
    """What each shows; poster i is the (i mod posters)th of play i // posters."""

    motif: Int[np.ndarray, " posters"]
    palette: Int[np.ndarray, " posters"]
    figures: Int[np.ndarray, " posters"]
    luck: Float[np.ndarray, " posters"]
    """Logits that nothing seen explains."""

    @property
    def looks(self) -> Float[np.ndarray, "posters looks"]:
        """One column a motif, palette and number of figures."""
        return np.concatenate(
            [
                np.eye(len(MOTIFS))[self.motif],
                np.eye(len(PALETTES))[self.palette],
                np.eye(len(FIGURES))[self.figures],
            ],
            axis=1,
        )


class Rows(NamedTuple):
    """Who saw which poster of which play, and what came of it."""

    second: Int[np.ndarray, " rows"]
    """Since the first day's midnight, ascending."""
    visitor: Int[np.ndarray, " rows"]
    play: Int[np.ndarray, " rows"]
    shown: Int[np.ndarray, " rows"]
    """Place among the play's posters."""
    drawn: Bool[np.ndarray, " rows"]
    reward: Float[np.ndarray, " rows"]


class Theatre:
    """The world of a seed.

    Args:
        size: how much there is.
        seed: of all that is random in it.
    """

    def __init__(self, size: TheatreSize, seed: int) -> None:
        self.size, self.seed = size, seed
        g = self._random("world")
        self.play_appeal = g.normal(0, 0.5, size.plays)
        share = 1 / np.arange(1, size.plays + 1) ** 0.6
        self.popularity: Float[np.ndarray, " plays"] = g.permutation(share / share.sum())
        self.posters = self._posters(g)
        self.visitors = self._visitors(g)
        keenness = g.gamma(2.0, 1.0, size.visitors)
        self.visits: Float[np.ndarray, " visitors"] = keenness / keenness.sum()
        # The editor has a poster for each pair of quarters.
        self.picks = g.integers(0, size.posters, (size.plays, len(QUARTERS) // 2))

    def _random(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what.encode()])

    def _posters(self, g: np.random.Generator) -> Posters:
        count = self.size.plays * self.size.posters
        # The posters of a play differ in motif as far as there are motifs.
        motif = np.stack([g.permutation(len(MOTIFS)) for _ in range(self.size.plays)])
        motif = np.tile(motif, (1, -(-self.size.posters // len(MOTIFS))))[:, : self.size.posters]
        return Posters(
            motif.ravel(),
            g.integers(0, len(PALETTES), count),
            g.integers(0, len(FIGURES), count),
            g.normal(0, 0.15, count),
        )

    def _visitors(self, g: np.random.Generator) -> TheatreVisitors:
        count = self.size.visitors
        born = g.integers(1940, 2009, count)
        quarter, seat = g.integers(0, len(QUARTERS), count), g.integers(0, len(SEATS), count)
        taste = g.normal(0, 1, (count, TASTE))
        fond = g.normal(0, 1, (count, len(MOTIFS)))
        liked = fond > np.sort(fond, axis=1)[:, -2:-1] - g.exponential(0.4, (count, 1))
        of_motif = 0.8 * liked + 0.45 * taste @ g.normal(0, 1, (TASTE, len(MOTIFS))) / TASTE**0.5
        old = (1975 - born)[:, None] / 20
        of_palette = old * np.array([-0.2, 0.1, 0.4, -0.3])
        of_palette = of_palette + g.normal(0, 0.3, (len(SEATS), len(PALETTES)))[seat]
        of_figures = g.normal(0, 0.4, (len(QUARTERS), len(FIGURES)))[quarter]
        known = g.random(count) > 0.1
        pull = np.concatenate([of_motif, of_palette, of_figures], axis=1)
        return TheatreVisitors(born * known, quarter, seat, liked, taste, pull)

    def takes(
        self, visitor: Int[np.ndarray, " rows"], play: Int[np.ndarray, " rows"]
    ) -> Float[np.ndarray, "rows posters"]:
        """The exact mean reward of each of a play's posters to a visitor."""
        count = self.size.posters
        at = play[:, None] * count + np.arange(count)
        logits = np.einsum("rpl,rl->rp", self.posters.looks[at], self.visitors.pull[visitor])
        logits = logits + self.posters.luck[at] + self.play_appeal[play][:, None]
        logits += np.log(self.size.base / (1 - self.size.base)) - 0.9
        return (1 - SHARE_RESERVED * (1 - RESERVED)) / (1 + np.exp(-logits))

    def picked(
        self, visitor: Int[np.ndarray, " rows"], play: Int[np.ndarray, " rows"]
    ) -> Int[np.ndarray, " rows"]:
        """Place of the poster that the editor's rule shows."""
        return self.picks[play, self.visitors.quarter[visitor] // 2]

    def rows(self) -> Rows:
        """The log."""
        g, size = self._random("log"), self.size
        second = np.sort(g.integers(0, size.days * 86_400, size.rows))
        visitor = g.choice(size.visitors, size.rows, p=self.visits)
        play = g.choice(size.plays, size.rows, p=self.popularity)
        drawn = g.random(size.rows) < size.drawn
        shown = np.where(drawn, g.integers(0, size.posters, size.rows), self.picked(visitor, play))
        mean = self.takes(visitor, play)[np.arange(size.rows), shown]
        acts = g.random(size.rows) < mean / (1 - SHARE_RESERVED * (1 - RESERVED))
        paid = np.where(g.random(size.rows) < SHARE_RESERVED, RESERVED, 1.0)
        return Rows(second, visitor, play, shown, drawn, acts * paid)
