"""What became of each artwork of a title: draws, takes, and to whom the policy shows it."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from data.importers.picture_folder import ALWAYS
from data.schema import read_schema
from evaluate.new_artwork.audience import NewMembers, own_parts
from web.view.catalogue_view import CatalogueView, NamedTitle
from web.view.home_preview import title_chances
from web.view.logged import ArtworkDay, Logged

SEGMENTS = ("genre", "country", "device")
SEGMENTS_SHOWN = 12


@dataclass(frozen=True)
class ArtworkRecord:
    """One artwork, as far as the log and the published policy tell."""

    artwork_id: str
    added: str | None
    """None: it was there before days were told."""
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
        parts |= own_parts(audience, read_schema(view.catalogue.root))
        sized = sorted(parts.items(), key=lambda part: -int(part[1].sum()))
        segments = [
            SegmentShare(name, int(part.sum()), chances[part].mean(0).tolist())
            for name, part in sized[:SEGMENTS_SHOWN]
        ]
    mine = view.artworks.filter(pc.field("title_id") == title.title_id)
    rows = mine.select(["artwork_id", "added_day", "withdrawn_day"]).to_pylist()
    artworks = [
        ArtworkRecord(
            row["artwork_id"],
            None if row["added_day"] == ALWAYS else str(row["added_day"]),
            str(row["withdrawn_day"]) if row["withdrawn_day"] else None,
            *logged.of(row["artwork_id"]),
            shares.get(row["artwork_id"]),
        )
        for row in rows
    ]
    artworks.sort(key=lambda artwork: (artwork.withdrawn is not None, -(artwork.share or 0.0)))
    first, last = logged.span
    trend, bundle = logged.by_day(), model.policy.bundle
    return TitleRecord(bundle, title, artworks, candidates, segments, trend, first, last)
