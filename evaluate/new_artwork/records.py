"""What is expected of images that nobody has shown, as the records that are printed and shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data.records import TitleId
from evaluate.new_artwork.evidence import FEWEST_TAKES
from evaluate.new_artwork.image_kinds import ImageKind
from evaluate.ope.paired_bootstrap import Range

Anchor = Literal["log", "training", "none"]


@dataclass(frozen=True)
class SegmentValue:
    """An image for a part of the audience."""

    members: int
    adds: float
    """To the title's expected take there."""
    difference: Range
    """What it adds beyond what it adds to the whole audience; shrunk, at 95% for all parts
    together."""


@dataclass(frozen=True)
class ImageValue:
    """One image for a title.

    Attributes:
        image: its file.
        ratio: its take over that of the title's known artwork, with its 95% interval.
        expected_take: if all who are shown the title saw it.
        low: lower end of its 95% interval.
        high: its upper end.
        probability_of_best: of those who are shown the title, for whom it beats all that it has.
        beats: artwork of today → probability that this one earns more, were each shown to all.
        adds: to the title's take, when those see it for whom the bundle prefers it.
        audience: segment → the same in it.
        most_for: segments in which it adds more than elsewhere, beyond doubt.
    """

    image: str
    ratio: Range
    expected_take: float
    low: float
    high: float
    probability_of_best: float
    beats: Mapping[str, float]
    adds: Range
    audience: Mapping[str, SegmentValue]
    most_for: list[str]

    @property
    def name(self) -> str:
        """Of its file alone."""
        return Path(self.image).name


@dataclass(frozen=True)
class ArtworksToday:
    """What a title has already.

    Attributes:
        artworks: their ids.
        take: with these shown as often each, and its 95% interval.
        value: expected take when the bundle chooses among them.
        anchor: where the level of all takes is from: a log, training, or the bundle alone.
        decisions: that it was read from.
    """

    artworks: list[str]
    take: Range
    value: float
    anchor: Anchor
    decisions: int


@dataclass(frozen=True)
class ForesightRecord:
    """How much of a new poster's worth is known.

    Attributes:
        known: deviation of what is foreseen over that of true takes.
        spread: standard deviation of the takes of a title's artworks, as a share of its take.
        foreseen: the part of it that is foreseen.
        artworks: which training had not seen and the log has shown; that it was learnt from.
        personal: share that counts of what the bundle says of whom new artwork pleases.
    """

    known: float
    spread: float
    foreseen: float
    artworks: int
    personal: Range


@dataclass(frozen=True)
class CurvePoint:
    """The value of a title with so many candidates, the last of which was added.

    Attributes:
        candidates: how many.
        artwork: that was added: a file if new.
        new: nobody has shown it.
        value: expected take of the title with it and all before it.
        gain: what it added.
    """

    candidates: int
    artwork: str
    new: bool
    value: float
    gain: float


@dataclass(frozen=True)
class NewArtwork:
    """Images for a title.

    Attributes:
        today: what it has.
        images: the largest addition first.
        curve: value by number of candidates, old and new, in the order of what each adds.
        commission_next: kinds of image, the best first.
        title: that they are for.
        members: of the audience.
        foresight: how much is known.
    """

    today: ArtworksToday
    images: list[ImageValue]
    curve: list[CurvePoint]
    commission_next: list[ImageKind]
    title: TitleId
    members: int
    foresight: ForesightRecord

    @property
    def words(self) -> list[str]:
        """What to know before reading any number, in sentences."""
        today, foresight = self.today, self.foresight
        take = f"{today.take.value:.4f} ({today.take.low:.4f} … {today.take.high:.4f})"
        of = "a take is of those who are shown the title"
        level = {
            "log": f"In the log the title earned {take} with its known artwork shown as often "
            f"each, over {today.decisions:,} decisions: {of}.",
            "training": f"In training the title earned {take} with its known artwork shown as "
            f"often each, over {today.decisions:,} decisions: {of}. "
            "Give --log for its level of today.",
            "none": "The level is not anchored: neither log nor training has two artworks of the "
            f"title that were drawn, with {FEWEST_TAKES:.0f} takes. {today.take.value:.4f} is what "
            "the bundle predicts, and intervals of takes leave out its doubt. Ratios to its known "
            "artwork are what to read.",
        }[today.anchor]
        spread = (
            f"Artworks of one title mostly earn from {max(0, 1 - foresight.spread):.0%} to "
            f"{1 + foresight.spread:.0%} of its take. Of that the bundle foresees "
            f"±{foresight.foreseen:.0%} before anybody has seen a poster: "
            f"{foresight.known:.0%} of what makes one earn more than another."
        )
        learnt = (
            f"That was learnt from {foresight.artworks:,} artworks which training had not seen."
            if foresight.artworks
            else "No artwork in the log came after training, so how well the bundle foresees was "
            "not measured: a quarter of what it says of a new poster's take is counted."
        )
        share = foresight.personal
        pleases = (
            f"Of whom the bundle says that a poster pleases, {share.value:.2f} ({share.low:.2f} … "
            f"{share.high:.2f}) counts."
        )
        return [level, spread, learnt, pleases]
