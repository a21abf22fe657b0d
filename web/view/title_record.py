"""What became of each artwork of a title: draws, takes, and to whom the policy shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from data.reading.conformed_files import conformed_dataset
from data.records import EXAMPLES, TitleId
from data.schema_cast import parquet_files
from evaluate.new_artwork.audience import NewMembers
from evaluate.ope.fraction_intervals import Matched
from web.view.catalogue_view import CatalogueView, NamedTitle
from web.view.home_preview import title_chances

COLUMNS = ("title_id", "profile_id", "action", "propensity", "reward", "time")
SEGMENTS = ("genre", "country", "device")
SEGMENTS_SHOWN = 12
DAYS_SHOWN, TRENDS_SHOWN = 60, 12
"""The last days of a log, and the artworks drawn most in them."""


@dataclass(frozen=True)
class ArtworkRecord:
    """One artwork, as far as the log and the published policy tell."""

    artwork_id: str
    added: str
    withdrawn: str | None
    draws: int
    reward: float
    """Of a draw, weighted by how likely each draw was; NaN-free: 0 where there is none."""
    low: float | None
    high: float | None
    """95% interval of it, where it is a fraction."""
    share: float | None
    """Of the members looked at, how many are shown it; None: it is no candidate today."""


@dataclass(frozen=True)
class SegmentShare:
    """To whom each artwork is shown: `segment=value` and the share of each candidate."""

    segment: str
    members: int
    shares: list[float]


@dataclass(frozen=True)
class ArtworkDay:
    """One artwork on one day of the log, counted as `ArtworkRecord` counts all of them."""

    artwork_id: str
    day: str
    draws: int
    reward: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TitleRecord:
    """A title's artworks."""

    bundle: str
    title: NamedTitle
    artworks: list[ArtworkRecord]
    candidates: list[str]
    """Artworks as `segments` counts them."""
    segments: list[SegmentShare]
    trend: list[ArtworkDay]
    """By artwork, that drawn most first, and by day; those of the last days of the log alone."""
    first: str | None
    last: str | None
    """Days of the log that were read; None: nothing is known of the title."""


@dataclass(frozen=True)
class Logged:
    """Draws of some titles that a log has, each with a known probability."""

    rows: pa.Table

    @classmethod
    def read(cls, examples: Path | None, titles: Sequence[TitleId]) -> "Logged":
        """Those of joined examples; nothing where there are none."""
        empty = pa.table({name: pa.array([], EXAMPLES.field(name).type) for name in COLUMNS})
        files = parquet_files(examples) if examples is not None else []
        if not files or not titles:
            return cls(empty)
        data = conformed_dataset(files, pa.schema([EXAMPLES.field(name) for name in COLUMNS]))
        if data.schema.field("title_id").type != pa.scalar(titles[0]).type:
            return cls(empty)
        wanted = ds.field("title_id").isin(titles) & (ds.field("propensity") > 0)
        return cls(data.to_table(filter=wanted))

    def of(self, artwork: str) -> tuple[int, float, float | None, float | None]:
        """Draws, and the weighted reward of a draw with its interval."""
        return _earned(self.rows.filter(pa.array(_texts(self.rows["action"]) == artwork)))

    def by_day(self) -> list[ArtworkDay]:
        """The same of each artwork and day that has a draw: those drawn most, the last days."""
        day = self.rows["time"].to_numpy().astype("datetime64[D]")
        action = _texts(self.rows["action"])
        recent = np.isin(day, np.unique(day)[-DAYS_SHOWN:])
        names, draws = np.unique(action[recent].astype(str), return_counts=True)
        return [
            ArtworkDay(str(name), str(when), *_earned(self.rows.filter(pa.array(mine))))
            for name in names[np.argsort(-draws, kind="stable")][:TRENDS_SHOWN]
            for when in np.unique(day[recent & (action == name)])
            for mine in [(action == name) & (day == when)]
        ]


def _earned(draws: pa.Table) -> tuple[int, float, float | None, float | None]:
    """How many, and the weighted reward of one with its interval."""
    if not draws.num_rows:
        return 0, 0.0, None, None
    weight = 1 / draws["propensity"].to_numpy()
    reward = draws["reward"].to_numpy()
    _, member = np.unique(_texts(draws["profile_id"]), return_inverse=True)
    of_members = np.bincount(member, weight)
    matched = Matched.of(of_members, np.bincount(member, weight * reward), float((weight**2).sum()))
    fraction = bool(((reward >= 0) & (reward <= 1)).all())
    low, high = matched.interval() if fraction else (None, None)
    return draws.num_rows, matched.value, low, high


def title_record(
    view: CatalogueView, title: NamedTitle, examples: Path | None, audience: NewMembers | None
) -> TitleRecord:
    """A title's artworks, withdrawn ones as well.

    Args:
        view: of what is published.
        title: which.
        examples: joined examples; None: no log is known.
        audience: members whose shares are counted; None: nobody is known.
    """
    logged = Logged.read(examples, [title.title_id])
    model = view.model
    slot = model.slot_of[title.title_id]
    start, count = int(model.layout.starts[slot]), int(model.layout.counts[slot])
    candidates = list(model.layout.artwork_ids[start : start + count])
    shares: dict[str, float] = {}
    segments: list[SegmentShare] = []
    if audience is not None:
        chances = title_chances(view, audience.facts, title.title_id)
        shares = dict(zip(candidates, chances.mean(0).tolist(), strict=True))
        parts = audience.parts([name for name in SEGMENTS if name in audience.values])
        sized = sorted(parts.items(), key=lambda part: -int(part[1].sum()))
        segments = [
            SegmentShare(name, int(part.sum()), chances[part].mean(0).tolist())
            for name, part in sized[:SEGMENTS_SHOWN]
        ]
    mine = view.artworks.filter(pa.array(_texts(view.artworks["title_id"]) == str(title.title_id)))
    rows = mine.select(["artwork_id", "added_day", "withdrawn_day"]).to_pylist()
    artworks = [
        ArtworkRecord(
            row["artwork_id"],
            str(row["added_day"]),
            str(row["withdrawn_day"]) if row["withdrawn_day"] else None,
            *logged.of(row["artwork_id"]),
            shares.get(row["artwork_id"]),
        )
        for row in rows
    ]
    artworks.sort(key=lambda artwork: (artwork.withdrawn is not None, -(artwork.share or 0.0)))
    days = sorted({str(time.date()) for time in logged.rows["time"].to_pylist()})
    first, last = (days[0], days[-1]) if days else (None, None)
    trend, bundle = logged.by_day(), model.policy.bundle
    return TitleRecord(bundle, title, artworks, candidates, segments, trend, first, last)


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([str(value) for value in column.to_pylist()], object)
