"""Which picture of an artwork a canvas and languages get."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MAIN = "main"
"""The canvas of a main picture that `images.parquet` does not name, and another name of those that
it names."""


class Picture(NamedTuple):
    """One file of an artwork."""

    canvas: str
    path: str
    """Relative to the catalogue folder."""
    language: str | None = None
    """Of its text; None: it has none."""
    focal: tuple[float, float] | None = None
    """What must stay in sight: from the left and from the top, 0 to 1; None: the middle."""


class ChosenPicture(NamedTuple):
    """The picture of an artwork that a canvas and languages get."""

    picture: Picture
    as_asked: bool
    """Of that canvas, and without text or in one of the languages."""


def choose(
    pictures: Sequence[Picture],
    canvas: str = MAIN,
    languages: Sequence[str] = (),
    aspects: Mapping[str, float | None] | None = None,
) -> ChosenPicture:
    """An artwork's picture for a canvas, or of its canvas of the nearest aspect; never none.

    Of those of a canvas, the first language that one of them has; then one without text; then any.
    A language stands for its variants, and a variant for its language: `en` and `en-GB`.

    Args:
        pictures: of the artwork, the main one first.
        canvas: that is asked for; MAIN: that of the main picture.
        languages: in order of preference; none: without text, or the main picture itself.
        aspects: of the catalogue's canvases, width over height; None: not known.
    """
    main = pictures[0]
    if canvas == MAIN and not languages:
        return ChosenPicture(main, True)
    wanted = main.canvas if canvas == MAIN else canvas
    own = dict.fromkeys(picture.canvas for picture in pictures)
    given = wanted if wanted in own else _nearest(list(own), wanted, aspects or {})
    ranked = [(_rank(one.language, languages), one) for one in pictures if one.canvas == given]
    rank, picture = min(ranked, key=lambda pair: pair[0])
    spoken = rank[0] <= len(languages) or not languages
    return ChosenPicture(picture, given == wanted and spoken)


def _nearest(own: list[str], wanted: str, aspects: Mapping[str, float | None]) -> str:
    """Of an artwork's canvases that of the nearest aspect; the first where nothing is known."""
    to = aspects.get(wanted)

    def apart(canvas: str) -> float:
        aspect = aspects.get(canvas)
        return math.inf if to is None or aspect is None else abs(math.log(aspect / to))

    return min(own, key=apart)


def _rank(language: str | None, wanted: Sequence[str]) -> tuple[int, bool]:
    if language is None:
        return len(wanted), False
    ours = language.lower()
    for at, other in enumerate(one.lower() for one in wanted):
        if ours == other or ours.startswith(f"{other}-") or other.startswith(f"{ours}-"):
            return at, ours != other
    return len(wanted) + 1, False
