"""Which picture of each artwork stands for its canvas: to an encoder, and on pages."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import median
from typing import NamedTuple

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.decode import aspect
from data.pictures import MAIN, Picture, choose

LOOKED_AT = 50
"""Pictures of a canvas whose headers say its aspect, at most, where its rows do not."""


class CanvasPictures(NamedTuple):
    """The pictures of a canvas."""

    pictures: list[Picture]
    """One an artwork, in the catalogue's order; of another canvas where it lacks this one."""
    other: Mapping[str, str]
    """artwork_id → the canvas that is taken in its place."""


def canvas_pictures(catalogue: Catalogue, canvas: str) -> CanvasPictures:
    """The picture of each artwork that an encoder of a canvas reads, without text if there is one.

    Args:
        catalogue: whose artworks.
        canvas: of the encoder; `main` is that of each artwork's main picture.
    """
    if canvas == MAIN:
        return CanvasPictures([own[0] for own in catalogue.pictures], {})
    chosen = [choose(own, canvas) for own in catalogue.pictures]
    if not all(one.as_asked for one in chosen):
        aspects = canvas_aspects(catalogue)
        chosen = [choose(own, canvas, aspects=aspects) for own in catalogue.pictures]
    pictures = [one.picture for one in chosen]
    pairs = zip(catalogue.artwork_ids, chosen, strict=True)
    return CanvasPictures(
        pictures, {name: one.picture.canvas for name, one in pairs if not one.as_asked}
    )


def canvas_aspects(catalogue: Catalogue) -> dict[str, float | None]:
    """Width over height of each canvas, those that most artworks have first; None: not known.

    The middle of what its rows say, or else of what the headers of some of its files do.
    """
    said: dict[str, list[float]] = {}
    paths: dict[str, list[str]] = {}
    if catalogue.images is not None:
        columns = (catalogue.images[name].to_pylist() for name in ("canvas", "aspect"))
        for canvas, ratio in zip(*columns, strict=True):
            if ratio is not None:
                said.setdefault(canvas, []).append(ratio)
    for own in catalogue.pictures:
        for picture in own:
            paths.setdefault(picture.canvas, []).append(picture.path)
    often = sorted(paths, key=lambda canvas: -len(paths[canvas]))
    return {
        canvas: _middle(said[canvas] if canvas in said else _of_files(catalogue, paths[canvas]))
        for canvas in often
    }


def _of_files(catalogue: Catalogue, paths: Sequence[str]) -> list[float]:
    """Aspects of some files, evenly spread; what cannot be read says nothing."""
    found = []
    for path in paths[:: max(1, len(paths) // LOOKED_AT)]:
        with suppress(BadInput):
            found.append(aspect(catalogue.root / path))
    return found


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def other_canvas_words(canvas: str, other: Mapping[str, str]) -> list[str]:
    """A line that counts the artworks which another canvas stands for; none where none is.

    Args:
        canvas: that the encoder reads.
        other: artwork_id → canvas that is read in its place.
    """
    if not other:
        return []
    counts: dict[str, int] = {}
    for name in other.values():
        counts[name] = counts.get(name, 0) + 1
    told = ", ".join(f"{count:,} as {name}" for name, count in counts.items())
    first = next(iter(other))
    return [
        f"{len(other):,} artwork{'s' * (len(other) > 1)} without a picture of canvas {canvas} "
        f"{'are' if len(other) > 1 else 'is'} read as another of theirs: {told} ({first!r} first)"
    ]
