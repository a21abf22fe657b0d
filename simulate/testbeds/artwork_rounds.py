"""The artwork world as rounds: one decision a round, day after day, with arrivals.

Contexts and candidates are rows of numbers, the same for every learner: all that the product's own
towers read (`Whole` says which number is what), or, with `kept`, a few: the leading directions of
the facts, of an embedding of the pixels, and of what the catalogue says of the title.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.errors import BadInput
from data.features import (
    CAST_BUCKETS,
    CAST_KEPT,
    CandidateFeatures,
    ContextFeatures,
    FeatureSpec,
    candidate_features,
    context_features,
)
from data.shown.matches import ShownMatch, shown_matches
from data.shown.read_outs import ReadOuts
from data.shown.with_shown import with_shown
from data.standardise import Standard
from simulate.browsing.offers import page_facts
from simulate.browsing.pages import drawn_pages
from simulate.named_rng import named_generator
from simulate.testbeds.environment import Rounds, chosen
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on

NAMES = 16
"""Numbers of a name's random vector: members' most watched and tags meet in them."""


class Whole(NamedTuple):
    """How the whole features lie in rows: names are hashed buckets, exact in float32.

    A context's row: the dense facts, most watched names, their weights. An artwork's: embedding,
    dense title and tags, names on its tags, their weights, names in its title, their weights.
    """

    facts: int
    embedding: int
    title: int
    genres: int
    """How many of the title's numbers are its genre mix: the first."""
    groups: tuple[tuple[str, int], ...] = ()
    """Of the embedding's numbers, where these are given by groups."""
    read_outs: ReadOuts | None = None
    """What the last of the title's numbers are read by; None: nothing is read of pictures."""
    matches: tuple[ShownMatch, ...] = ()
    """Facts that meet numbers of artworks: members' tastes, and what is shown."""

    def context(self, rows: Float[np.ndarray, "rounds numbers"]) -> ContextFeatures:
        """What the context tower reads."""
        dense, ids, weights = np.split(rows, np.cumsum([self.facts, CAST_KEPT]), 1)
        return ContextFeatures(dense, ids.astype(np.int64), weights)

    def pixels(
        self, bank: Float[np.ndarray, "artworks numbers"]
    ) -> Float[np.ndarray, "artworks e"]:
        """Embeddings."""
        return bank[:, : self.embedding]

    def candidates(self, bank: Float[np.ndarray, "artworks numbers"]) -> CandidateFeatures:
        """What joins the embedding in the candidate tower."""
        parts = np.split(bank[:, self.embedding :], self.title + CAST_KEPT * np.arange(4), 1)
        dense, shown, shown_weights, title, title_weights = parts
        return CandidateFeatures(
            dense, shown.astype(np.int64), shown_weights, title.astype(np.int64), title_weights
        )


@dataclass(frozen=True)
class ArtworkRounds:
    """An environment over an artwork world; rounds come in the order of their days."""

    world: ArtworkWorld
    embedding: Float[np.ndarray, "artworks embedding"]
    """Of the pixels of each artwork, in the catalogue's order."""
    days: int = 14
    """Rounds are spread over so many."""
    kept: int = 24
    """Numbers of a context, and of a candidate: two thirds of the pixels, the rest of the title;
    0: the whole features."""
    switches: Switches | None = None
    """What makes the world harder."""
    groups: tuple[tuple[str, int], ...] = ()
    """Name and width of the embedding's parts; none: they are not known."""
    reading: bool = False
    """Genres, names and tones are read of the pictures, as the product's training does, without a
    reward; of the whole features alone."""

    images = None

    def __post_init__(self) -> None:
        artworks = len(self.world.truth.title_of)
        if len(self.embedding) != artworks:
            raise BadInput(
                f"the embedding has {len(self.embedding)} rows for {artworks} artworks; "
                "one each is needed, in the catalogue's order"
            )
        if self.days < 1:
            raise BadInput(f"days is {self.days}; at least 1 is needed")

    @cached_property
    def _spec(self) -> FeatureSpec:
        catalogue, facts = self.world.truth.catalogue, self.world.members.facts
        learnt = FeatureSpec.learn(facts, catalogue.titles, catalogue.artworks)
        return replace(learnt, exact_names=False)

    @cached_property
    def whole(self) -> Whole:
        """How the whole features lie in rows."""
        facts = context_features(self._spec, self.world.members.facts.slice(0, 1)).dense.shape[1]
        title = self._given.dense.shape[1]
        sizes = facts, self.embedding.shape[1], title, len(self._spec.genres)
        read = self._read_outs
        if read is None:
            return Whole(*sizes, self.groups)
        first = title - sum(group.width for group in read.groups)
        matches = shown_matches(self._spec, read.groups, first)
        return Whole(*sizes, self.groups, read, matches)

    @cached_property
    def _read_outs(self) -> ReadOuts | None:
        if not self.reading or self.kept:
            return None
        catalogue = self.world.truth.catalogue
        tables = self._spec, catalogue.titles, catalogue.artworks
        return ReadOuts.fit(self.embedding, *tables, self.embedding.shape[1]) or None

    @cached_property
    def _given(self) -> CandidateFeatures:
        """What joins the embedding, of every artwork."""
        catalogue = self.world.truth.catalogue
        tables = self._spec, catalogue.titles, catalogue.artworks
        features = candidate_features(*tables)
        if self._read_outs is None:
            return features
        read = with_shown(features, self._read_outs.read(self.embedding, *tables))
        return read._replace(cast_ids=read.cast_ids % CAST_BUCKETS)  # guesses too are buckets

    @cached_property
    def features(self) -> Float[np.ndarray, "artworks features"]:
        """Directions of the embedding, then of tags and title; or the whole features."""
        given = self._given
        if not self.kept:
            return np.concatenate([self.embedding, *given], 1).astype(np.float32)
        said = np.concatenate([given.dense, _named(given.cast_ids, given.cast_weights)], 1)
        pixels = 2 * self.kept // 3
        both = (
            _Directions(self.embedding, pixels)(self.embedding),
            _Directions(said, self.kept - pixels)(said),
        )
        return np.concatenate(both, 1).astype(np.float32)

    @cached_property
    def _context_directions(self) -> "_Directions":
        return _Directions(self._facts_numbers(self.world.members.facts), self.kept)

    def _facts_numbers(self, facts: pa.StructArray) -> Float[np.ndarray, "rounds numbers"]:
        given = context_features(self._spec, facts)
        return np.concatenate([given.dense, _named(given.cast_ids, given.cast_weights)], 1)

    def rounds(self, count: int, rng: np.random.Generator, unseen: bool = False) -> Rounds:
        """Decisions of all days, as many each day; only artwork of the day is a candidate.

        No artwork is held out: what arrives later is unseen until then.
        """
        del unseen
        per_day = np.diff(np.linspace(0, count, self.days + 1).astype(int))
        parts = [self._day(day, int(many), rng) for day, many in enumerate(per_day) if many]
        most = max(part.valid.shape[1] for part in parts)  # a day may have fewer candidates
        wide = [part._replace(**_widened(part, most)) for part in parts]
        return Rounds(*(np.concatenate(columns) for columns in zip(*wide, strict=True)))

    def _day(self, day: int, count: int, rng: np.random.Generator) -> Rounds:
        world = world_on(self.world, self.switches or Switches(), day)
        slots = drawn_pages(world, count, day, rng)
        options = world.candidates(slots.member, slots.title, day, slots.offset)
        facts = page_facts(world, slots, day)
        if self.kept:
            contexts = self._context_directions(self._facts_numbers(facts)).astype(np.float32)
        else:
            contexts = np.concatenate(context_features(self._spec, facts), 1).astype(np.float32)
        return Rounds(contexts, options.artworks, options.valid, options.takes)

    def rewards(
        self, rounds: Rounds, actions: Int[np.ndarray, " rounds"], rng: np.random.Generator
    ) -> Float[np.ndarray, " rounds"]:
        """Takes: 1 or 0."""
        return (rng.random(len(actions)) < chosen(rounds, actions)).astype(np.float64)


def _widened(rounds: Rounds, most: int) -> dict[str, np.ndarray]:
    """Candidates padded with invalid ones."""
    missing = ((0, 0), (0, most - rounds.valid.shape[1]))
    return {
        name: np.pad(getattr(rounds, name), missing) for name in ("candidates", "valid", "expected")
    }


class _Directions:
    """Standardised numbers to their leading directions, of mean square 1 together."""

    def __init__(self, sample: Float[np.ndarray, "rows numbers"], kept: int) -> None:
        self.standard = Standard.of(sample)
        _, values, axes = np.linalg.svd(self.standard(sample), full_matrices=False)
        size = np.sqrt((values[:kept] ** 2).sum() / len(sample) / kept)
        self.axes = axes[:kept].T / max(size, 1e-9)

    def __call__(self, rows: Float[np.ndarray, "rows numbers"]) -> Float[np.ndarray, "rows kept"]:
        return self.standard(rows) @ self.axes


def _named(
    ids: Int[np.ndarray, "rows names"], weights: Float[np.ndarray, "rows names"]
) -> Float[np.ndarray, "rows numbers"]:
    """Weighted sums of the names' random vectors."""
    buckets, place = np.unique(ids, return_inverse=True)
    vectors = np.stack([named_generator("name", int(b)).standard_normal(NAMES) for b in buckets])
    vectors[buckets == 0] = 0
    return (vectors[place.reshape(ids.shape)] * weights[..., None]).sum(1)
