"""The truth of a rendered catalogue, as arrays: what each title is and what each artwork shows."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from simulate.posters.subjects import Subjects
from simulate.world.titles import START

STAYS = 10**6
"""Day on which artwork that is never withdrawn would be."""


@dataclass(frozen=True)
class CatalogueTruth:
    """Titles and artworks by row, in the order of the catalogue's files."""

    catalogue: Catalogue
    subjects: Subjects
    genre_mix: Float[np.ndarray, "titles themes"]
    """What each title is; rows sum to 1."""
    cast: Int[np.ndarray, "titles most_cast"]
    """Rows of the cast in `subjects`; −1: nobody."""
    latent: Float[np.ndarray, "titles latent"]
    themes_shown: Float[np.ndarray, "artworks themes"]
    """Share of the visible area; rows sum to 1."""
    subjects_shown: Int[np.ndarray, "artworks most_shown"]
    """Rows of the subjects shown; −1: nobody."""
    subject_weights: Float[np.ndarray, "artworks most_shown"]
    """Share of the visible area; rows sum to 1."""
    style: Float[np.ndarray, "artworks 3"]
    """Warmth, brightness, closeness, −1 … 1."""
    quality: Float[np.ndarray, " artworks"]
    """Standard normal."""
    misleading: Bool[np.ndarray, " artworks"]
    ensemble: Bool[np.ndarray, " artworks"]

    @classmethod
    def read(cls, folder: Path | str) -> "CatalogueTruth":
        """The truth beside a catalogue that `python -m simulate catalogue` rendered.

        Raises:
            BadInput: the catalogue is not sound, or has no truth.
        """
        folder = Path(folder)
        catalogue = Catalogue.read(folder)
        tables = {}
        for name in ("subjects", "titles", "artworks"):
            file = folder / "truth" / f"{name}.parquet"
            if not file.is_file():
                raise BadInput(
                    f"{file} is missing: only a catalogue rendered by `python -m simulate "
                    "catalogue` has a truth to simulate from"
                )
            tables[name] = pq.read_table(file)
        known = tables["subjects"]
        subjects = Subjects(tuple(known["subject"].to_pylist()), tuple(known["theme"].to_pylist()))
        titles = _in_order(tables["titles"], "title_id", catalogue.title_ids, folder)
        artworks = _in_order(tables["artworks"], "artwork_id", catalogue.artwork_ids, folder)
        themes = {theme: i for i, theme in enumerate(subjects.themes)}
        mix = np.zeros((len(titles), len(themes)))
        for row, title in enumerate(titles):
            for theme, weight in title["themes"]:
                mix[row, themes[theme]] = weight
        shown = _padded([[subjects.row[s] for s in a["subjects"]] for a in artworks], -1)
        weights = _padded([a["weights"] for a in artworks], 0.0)
        themes_shown = np.zeros((len(artworks), len(themes)))
        at = np.broadcast_to(np.arange(len(artworks))[:, None], shown.shape)
        np.add.at(themes_shown, (at, subjects.theme_rows[shown]), weights)
        cast = [[subjects.row[s] for s in names] for names in catalogue.titles["cast"].to_pylist()]
        style = [[a["warmth"], a["brightness"], a["closeness"]] for a in artworks]
        return cls(
            catalogue,
            subjects,
            mix,
            _padded(cast, -1),
            np.array([t["latent"] for t in titles]),
            themes_shown,
            shown,
            weights,
            np.array(style),
            np.array([a["quality"] for a in artworks]),
            np.array([a["misleading"] for a in artworks], bool),
            np.array([a["ensemble"] for a in artworks], bool),
        )

    @cached_property
    def title_of(self) -> Int[np.ndarray, " artworks"]:
        """Row of each artwork's title."""
        rows = {title: row for row, title in enumerate(self.catalogue.title_ids)}
        return np.array([rows[t] for t in self.catalogue.artworks["title_id"].to_pylist()])

    @cached_property
    def title_ids(self) -> Int[np.ndarray, " titles"]:
        """The public id of each title."""
        return np.array(self.catalogue.title_ids, np.int64)

    @cached_property
    def runtime(self) -> Float[np.ndarray, " titles"]:
        """Minutes."""
        return self.catalogue.titles["runtime_minutes"].to_numpy().astype(float)

    @cached_property
    def popularity(self) -> Float[np.ndarray, " titles"]:
        """Share of all plays."""
        return self.catalogue.titles["popularity"].to_numpy().astype(float)

    @cached_property
    def obscurity(self) -> Float[np.ndarray, " titles"]:
        """Rank from 0 (the most popular title) to 1 (the least)."""
        rank = np.argsort(np.argsort(-self.popularity, kind="stable"))
        return rank / max(1, len(rank) - 1)

    @cached_property
    def launch(self) -> Int[np.ndarray, " titles"]:
        """Day number; below 0: before the start."""
        return day_numbers(self.catalogue.titles["launch_day"].to_pylist())

    @cached_property
    def added(self) -> Int[np.ndarray, " artworks"]:
        """Day number from which on artwork may be shown."""
        return day_numbers(self.catalogue.artworks["added_day"].to_pylist())

    @cached_property
    def withdrawn(self) -> Int[np.ndarray, " artworks"]:
        """Day number from which on it may not."""
        gone = self.catalogue.artworks["withdrawn_day"].to_pylist()
        return day_numbers([day or START + timedelta(days=STAYS) for day in gone])

    @cached_property
    def mislead(self) -> Float[np.ndarray, " artworks"]:
        """Share of what an artwork shows that is of themes its title has not."""
        foreign = self.genre_mix[self.title_of] == 0
        return (self.themes_shown * foreign).sum(-1)

    @cached_property
    def _rows_of(self) -> list[Int[np.ndarray, " rows"]]:
        rows = defaultdict(list)
        for row, title in enumerate(self.title_of.tolist()):
            rows[title].append(row)
        return [np.array(rows[t]) for t in range(len(self.title_ids))]

    def candidates(
        self, day: int | None = None
    ) -> tuple[Int[np.ndarray, "titles most"], Bool[np.ndarray, "titles most"]]:
        """Artwork rows that each title may be shown with on a day, and which of them are real.

        Rows are in file order, so they agree with `Catalogue.candidates`; padding repeats row 0.

        Args:
            day: its number; None: all artwork there ever is.
        """
        live = [
            rows if day is None else rows[(self.added[rows] <= day) & (day < self.withdrawn[rows])]
            for rows in self._rows_of
        ]
        rows = _padded([list(r) for r in live], -1)
        return np.maximum(rows, 0), rows >= 0


def day_numbers(days: list[date]) -> Int[np.ndarray, " days"]:
    """Days since the start."""
    return np.array([(day - START).days for day in days])


def _in_order(table, key: str, ids: list, folder: Path) -> list[dict]:  # noqa: ANN001
    rows = {row[key]: row for row in table.to_pylist()}
    missing = [name for name in ids if name not in rows]
    if missing:
        raise BadInput(f"{folder / 'truth'} knows no {key} {missing[0]!r}; render the catalogue")
    return [rows[name] for name in ids]


def _padded(lists: list[list], fill: float) -> np.ndarray:
    """Lists as rows of one array."""
    most = max(map(len, lists), default=1) or 1
    kind = type(fill)
    padded = np.full((len(lists), most), fill, kind)
    for row, values in enumerate(lists):
        padded[row, : len(values)] = values
    return padded
