"""The pictures of all artworks of a layout, kept beside it: URLs by canvas and language.

They are no part of the layout: maps say which artwork is shown, and go on when an artwork gets a
picture more.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data.lean.fast_json import dumps, loads
from data.lean.picture_choice import MAIN, ChosenPicture, Picture, choose
from serve.pictures.url import artwork_url

HELD = 1_000_000
"""URLs that are kept at hand at most, of all canvases × lists of languages; but always of four."""
HEAD = 8
"""Bytes of a hash before what is stored."""


class CanvasView(NamedTuple):
    """What a canvas and languages get of each artwork of a layout."""

    canvas: str
    """That was asked for."""
    url_of: list[str]
    """By ordinal."""
    urls: np.ndarray
    """The same as an array of objects."""
    given: Mapping[str, ChosenPicture]
    """By URL."""
    stand_ins: frozenset[str]
    """URLs of another canvas, or in another language, than was asked for."""


class LayoutPictures:
    """Pictures by ordinal.

    Args:
        aspects: of the canvases, width over height; None: not known.
        pictures: of each artwork of a layout, the main one first.
    """

    def __init__(
        self, aspects: Mapping[str, float | None], pictures: Sequence[tuple[Picture, ...]]
    ) -> None:
        self.aspects, self.pictures = aspects, pictures
        self._views: dict[tuple, CanvasView] = {}

    @classmethod
    def single(cls, paths: Iterable[str]) -> "LayoutPictures":
        """Of artworks that have one picture each."""
        return cls({MAIN: None}, [(Picture(MAIN, path),) for path in paths])

    @property
    def paths(self) -> frozenset[str]:
        """All files, within the catalogue."""
        return frozenset(picture.path for own in self.pictures for picture in own)

    def choose(self, ordinal: int, canvas: str, languages: Sequence[str]) -> ChosenPicture:
        """See `data.lean.picture_choice.choose`."""
        return choose(self.pictures[ordinal], canvas, languages, self.aspects)

    def view(self, canvas: str, languages: Sequence[str], base_url: str) -> CanvasView:
        """URLs of all artworks, made once for each canvas and list of languages.

        Args:
            canvas: any name; of one that no artwork has, main pictures are given.
            languages: in order of preference.
            base_url: put before each path.
        """
        key = (canvas, *languages, base_url)
        view = self._views.get(key)
        if view is None:
            chosen = [self.choose(at, canvas, languages) for at in range(len(self.pictures))]
            url_of = [artwork_url(base_url, one.picture.path) for one in chosen]
            given = dict(zip(url_of, chosen, strict=True))
            stand_ins = frozenset(url for url, one in given.items() if not one.as_asked)
            view = CanvasView(canvas, url_of, np.array(url_of, object), given, stand_ins)
            while len(self._views) >= max(4, HELD // max(1, len(url_of))):
                self._views.pop(next(iter(self._views)))
            self._views[key] = view
        return view

    def to_bytes(self) -> bytes:
        """As stored."""
        said = {"aspects": self.aspects, "pictures": self.pictures}
        body = dumps(said)
        return hashlib.blake2b(body, digest_size=HEAD).digest() + body

    @staticmethod
    def from_bytes(raw: bytes, artworks: int) -> "LayoutPictures":
        """Read `to_bytes` back.

        Args:
            raw: as stored.
            artworks: of the layout.

        Raises:
            ValueError: it is damaged, or of another number of artworks.
        """
        body = raw[HEAD:]
        if hashlib.blake2b(body, digest_size=HEAD).digest() != raw[:HEAD]:
            raise ValueError("what a store says of pictures is damaged")
        got = loads(body)
        try:
            pictures = [tuple(_picture(*one) for one in own) for own in got["pictures"]]
            aspects = dict(got["aspects"])
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"not the pictures of a layout: {error!r:.200}") from None
        if len(pictures) != artworks or not all(pictures):
            raise ValueError(f"pictures of {len(pictures)} artworks where there are {artworks}")
        return LayoutPictures(aspects, pictures)


class StoredPictures:
    """Pictures of layouts as a store has them, read anew only where they have changed.

    Args:
        get: a shared value of the store.
        reasons: counts what is damaged.
    """

    def __init__(self, get: Callable[[str], bytes | None], reasons: Counter[str]) -> None:
        self._get, self._reasons = get, reasons
        self._known: dict[bytes, tuple[bytes, LayoutPictures]] = {}

    def of(self, layout: bytes, artworks: int) -> LayoutPictures | None:
        """Of a layout by its digest; None: one an artwork, or the store does not say."""
        raw = self._get(pictures_key(layout))
        if not raw:
            return None
        head, known = self._known.get(layout, (b"", None))
        if known is not None and raw.startswith(head):
            return known
        try:
            known = LayoutPictures.from_bytes(raw, artworks)
        except ValueError:
            self._reasons["pictures_damaged"] += 1
            return known
        self._known = {**dict(list(self._known.items())[-1:]), layout: (raw[:HEAD], known)}
        return known


def pictures_key(layout: bytes) -> str:
    """The shared value of a store that holds the pictures of a layout, by its digest."""
    return f"pictures:{layout.hex()}"


def _picture(canvas: str, path: str, language: str | None, focal: list[float] | None) -> Picture:
    if not isinstance(canvas, str) or not isinstance(path, str):
        raise TypeError(f"{canvas!r:.40}, {path!r:.40}")
    return Picture(canvas, path, language, None if focal is None else (focal[0], focal[1]))
