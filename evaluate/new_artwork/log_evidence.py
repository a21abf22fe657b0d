"""The evidence of a log, or of the counts that a bundle carries, on a catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from bandit.counts import PRIOR_IMPRESSIONS
from data.catalogue import Catalogue
from data.errors import BadInput
from data.records import ARTWORKS, titles_like
from evaluate.new_artwork.contrasts import PersonalSums, SlopeSums
from evaluate.new_artwork.evidence import (
    FEWEST_TAKES,
    ArtworkEvidence,
    NewArtworkEvidence,
    TitleEvidence,
    TitleLog,
    title_evidence,
)
from evaluate.policies.bundle_scores import BundleScores, Embeddings
from evaluate.policies.logged_examples import LoggedExamples
from serve.scoring.scored import Artworks
from serve.scoring.scorer import Scorer

MOST_ROWS = 4000
"""Decisions of a title that are read, evenly spread: more tell little more."""
MOST_TITLES = 400
"""Titles that are read, evenly spread, beside the one that is judged."""
NOTHING = PersonalSums(SlopeSums(0.0, 0.0, 0.0), SlopeSums(0.0, 0.0, 0.0))


class TrainingCounts(NamedTuple):
    """What a bundle's training had of each artwork, from `unpersonalised.parquet`."""

    takes: dict[str, float]
    """Smoothed."""
    impressions: dict[str, int]

    @classmethod
    def of(cls, scorer: Scorer) -> "TrainingCounts":
        """Of an opened bundle.

        Raises:
            BadInput: it has none.
        """
        file = scorer.root / "unpersonalised.parquet"
        if not file.is_file():
            raise BadInput(
                f"bundle {scorer.bundle_id} has no unpersonalised.parquet, which says what it was "
                "trained on; export it again"
            )
        table = pq.ParquetFile(file).read()
        ids = table["artwork_id"].to_pylist()
        return cls(
            dict(zip(ids, table["take"].to_pylist(), strict=True)),
            dict(zip(ids, table["impressions"].to_pylist(), strict=True)),
        )

    def trained(self, artwork_ids: Sequence[str]) -> np.ndarray:
        """Whether the bundle was trained on these."""
        return np.array([self.impressions.get(name, 0) > 0 for name in artwork_ids], bool)

    def title(self, artwork_ids: Sequence[str]) -> TitleEvidence | None:
        """What training had of a title of these artworks; None where it had too little.

        The bundle's own predictions are left out: they are of the same rewards.
        """
        rows = np.flatnonzero(self.trained(artwork_ids))
        names = [artwork_ids[int(row)] for row in rows]
        counts = np.array([float(self.impressions[name]) for name in names])
        smoothed = np.array([self.takes[name] for name in names])
        if len(rows) < 2 or not (smoothed > 0).all():
            return None
        centre = float(np.average(smoothed, weights=counts))
        takes = np.maximum(centre + (smoothed - centre) * (1 + PRIOR_IMPRESSIONS / counts), 0)
        take = float(takes.mean())
        total = float((takes * counts).sum())
        if total < FEWEST_TAKES:
            return None
        nothing = np.full(len(rows), np.nan)
        artworks = ArtworkEvidence(
            np.zeros(len(rows), bool),
            np.zeros(len(rows)),
            takes / take - 1,
            (1 - 1 / len(rows)) * (1 - take) / (take * counts),
            nothing,
            nothing,
            np.full(len(rows), float(len(rows))),
        )
        deviation = take * total**-0.5
        decisions = int(counts.sum())
        return TitleEvidence(take, deviation, decisions, None, artworks, rows, NOTHING)


@dataclass(frozen=True)
class LogEvidence:
    """A log, beside what a bundle says of its artworks."""

    scores: BundleScores
    """Of the catalogue's artworks, with their records."""
    looks: Artworks
    """The same by looks alone."""
    logged: LoggedExamples
    counts: TrainingCounts

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        embedded: Embeddings,
        logged: LoggedExamples,
        counts: TrainingCounts,
    ) -> "LogEvidence":
        """Of a log on a catalogue, whose artworks have these embeddings."""
        titles, artworks = logged.catalogue.titles, logged.catalogue.artworks
        values, left_out = embedded
        scores = BundleScores(scorer, scorer.artworks(values, titles, artworks), left_out)
        unknown = scorer.artworks(values, titles, unrecorded(artworks))
        return cls(scores, unknown, logged, counts)

    def title(self, title_row: int) -> TitleEvidence | None:
        """What the log says of a title; places are those among the title's artworks."""
        rows = np.flatnonzero(self.logged.title_rows == title_row)
        rows = rows[:: max(1, -(-len(rows) // MOST_ROWS))]
        if not len(rows):
            return None
        own = self.artworks_of(title_row)
        place = np.full(len(self.logged.catalogue.artworks), -1)
        place[own] = np.arange(len(own))
        members = self.scores.members(self.logged.facts.take(pa.array(rows)))
        known, looks = (
            self.scores.head_takes(members, artworks.at(own)).mean(1)
            for artworks in (self.scores.artworks, self.looks)
        )
        feedback, ids = self.logged.feedback, self.logged.catalogue.artwork_ids
        sizes = np.diff(feedback.offsets)[rows]
        offered = np.zeros((len(rows), len(own)), bool)
        decision, at = np.nonzero(self.logged.valid[rows])
        offered[decision, place[self.logged.rows[rows[decision], at]]] = True
        return title_evidence(
            TitleLog(
                known,
                looks,
                self.counts.trained([ids[row] for row in own]),
                offered,
                place[self.logged.chosen[rows]],
                feedback.reward[rows],
                1 / (feedback.propensity[rows] * sizes),
            )
        )

    def artworks_of(self, title_row: int) -> Int[np.ndarray, " artworks"]:
        """Catalogue rows of a title's artworks that have an image, in file order."""
        catalogue, left_out = self.logged.catalogue, self.scores.left_out
        of_title = catalogue.artworks["title_id"].to_numpy() == catalogue.title_ids[title_row]
        rows = np.flatnonzero(of_title)
        without = [catalogue.artwork_ids[row] in left_out for row in rows]
        return rows[~np.array(without, bool)]

    def all_titles(self) -> NewArtworkEvidence:
        """What the log says of artwork."""
        there = np.unique(self.logged.title_rows)
        there = there[:: max(1, -(-len(there) // MOST_TITLES))]
        found = (self.title(int(row)) for row in there)
        return NewArtworkEvidence.of(title for title in found if title is not None)


def training_evidence(counts: TrainingCounts, catalogue: Catalogue) -> NewArtworkEvidence:
    """What a bundle's training had of the catalogue's artworks."""
    ids = catalogue.artwork_ids
    _, owners = np.unique(catalogue.artworks["title_id"].to_numpy(), return_inverse=True)
    order = np.argsort(owners, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(owners[order])) + 1)
    found = (counts.title([ids[row] for row in group]) for group in groups)
    return NewArtworkEvidence.of(title for title in found if title is not None)


def unrecorded(artworks: pa.Table) -> pa.Table:
    """The same artworks under ids that no bundle has a record of, and that nobody has tagged."""
    names = [f"new {name}" for name in artworks["artwork_id"].to_pylist()]
    columns = {name: artworks[name] for name in ARTWORKS.names}
    columns["artwork_id"] = pa.chunked_array([names], pa.string())
    for name in ("cast_shown", "tone", "own"):
        columns[name] = pa.chunked_array([pa.nulls(len(names), ARTWORKS.field(name).type)])
    return pa.table(columns).cast(titles_like(ARTWORKS, artworks.schema))
