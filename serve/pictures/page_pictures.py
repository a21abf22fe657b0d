"""A page's answer with the pictures of the canvases that it asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from serve.pictures.asked import AskedPictures
from serve.pictures.layout_pictures import LayoutPictures
from serve.pictures.url import artwork_url

UNKNOWN = "unknown"
"""What canvases are counted under that no artwork has."""

HELD = 100_000
"""Answers for an artwork that are kept at hand, of all ways of asking."""


class GivenPictures(NamedTuple):
    """What a page gets of an artwork."""

    by_canvas: dict[str, dict]
    """Canvas asked for → URL, and of which canvas, language and focal point it is."""
    url: str
    """Of the first."""
    others: list[str]
    """Canvases of which there was no such picture, for counting."""
    text: orjson.Fragment
    """`by_canvas` as JSON."""


class PagePictures:
    """Pictures of artworks by their ids.

    Args:
        artwork_ids: of a layout.
        pictures: of them.
        base_url: put before each path.
    """

    def __init__(self, artwork_ids: Iterable[str], pictures: LayoutPictures, base_url: str) -> None:
        self._ordinals = {name: at for at, name in enumerate(artwork_ids)}
        self._pictures, self._base_url = pictures, base_url
        self._given: dict[tuple, dict[str, GivenPictures]] = {}
        self._held = 0

    def answered(
        self, pieces: Iterable[str], asked: AskedPictures
    ) -> tuple[list[str], Mapping[str, int]]:
        """Decisions as JSON with their pictures, and how many got another than was asked for.

        Args:
            pieces: decisions as JSON, one a title.
            asked: by the page.

        Returns:
            The decisions, `url` being of the first canvas; counts by canvas.
        """
        told, others = list[str](), Counter[str]()
        for piece in pieces:
            decision = orjson.loads(piece)
            given = self.of(decision["artwork_id"], decision["url"], asked)
            decision["url"], decision["pictures"] = given.url, given.text
            told.append(orjson.dumps(decision).decode())
            if given.others:
                others.update(given.others)
        return told, others

    def of(self, artwork_id: str, url: str, asked: AskedPictures) -> GivenPictures:
        """What an artwork shows on the canvases asked for; made once for each way of asking.

        Args:
            artwork_id: of what is shown.
            url: of what is no artwork of the catalogue, such as a placeholder.
            asked: by the page.
        """
        key = (*asked.canvases, None, *asked.languages)
        known = self._given.setdefault(key, {})
        given = known.get(artwork_id)
        if given is None:
            given = self._made(artwork_id, url, asked)
            if artwork_id in self._ordinals:
                known[artwork_id] = given
                self._held += 1
            if self._held >= HELD:
                self._given, self._held = {}, 0
        return given

    def _made(self, artwork_id: str, url: str, asked: AskedPictures) -> GivenPictures:
        ordinal = self._ordinals.get(artwork_id)
        others, found = list[str](), dict[str, dict]()
        for canvas in asked.canvases:
            if ordinal is None:
                found[canvas] = {"url": url, "canvas": None, "language": None, "focal": None}
                continue
            chosen = self._pictures.choose(ordinal, canvas, asked.languages)
            if not chosen.as_asked:
                others.append(canvas if canvas in self._pictures.aspects else UNKNOWN)
            of, path, language, focal = chosen.picture
            url = artwork_url(self._base_url, path)
            found[canvas] = {"url": url, "canvas": of, "language": language, "focal": focal}
        first = found[asked.canvases[0]]["url"]
        return GivenPictures(found, first, others, orjson.Fragment(orjson.dumps(found)))


NO_PICTURES = PagePictures((), LayoutPictures({}, ()), "")
"""Where there is no model: every title has its placeholder."""
