"""What is expected of images that nobody has shown, as the records that are printed and shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluate.new_artwork.image_kinds import ImageKind
from evaluate.ope.paired_bootstrap import Range


@dataclass(frozen=True)
class SegmentValue:
    """An image for a part of the audience."""

    members: int
    expected_take: float
    probability_of_best: float
    adds: float


@dataclass(frozen=True)
class ImageValue:
    """One image for a title.

    Attributes:
        image: its file.
        expected_take: if every member of the audience saw it.
        low: lower end of its 95% interval over heads.
        high: its upper end.
        probability_of_best: that it beats all that the title has today.
        adds: to the title's expected take, given what it has.
        audience: segment → the same in it.
    """

    image: str
    expected_take: float
    low: float
    high: float
    probability_of_best: float
    adds: Range
    audience: Mapping[str, SegmentValue]

    @property
    def name(self) -> str:
        """Of its file alone."""
        return Path(self.image).name


@dataclass(frozen=True)
class ArtworksToday:
    """What a title has already, and its expected take with these."""

    artworks: list[str]
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class CurvePoint:
    """The value of a title with so many candidates, the last of which was added.

    Attributes:
        candidates: how many.
        artwork: that was added: a file if new.
        new: nobody has shown it.
        value: expected take of the title with it and all before it.
        low: lower end of its interval over heads.
        high: its upper end.
        gain: what it added.
    """

    candidates: int
    artwork: str
    new: bool
    value: float
    low: float
    high: float
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
    """

    today: ArtworksToday
    images: list[ImageValue]
    curve: list[CurvePoint]
    commission_next: list[ImageKind]
    title: int
    members: int
