"""A page's answer with the pictures of the canvases that it asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping

import orjson

from serve.pictures.asked import AskedPictures
from serve.pictures.layout_pictures import LayoutPictures
from serve.pictures.url import artwork_url

UNKNOWN = "unknown"
"""What canvases are counted under that no artwork has."""


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
            pictures = self.of(decision["artwork_id"], decision["url"], asked, others)
            url = pictures[asked.canvases[0]]["url"]
            told.append(orjson.dumps(decision | {"url": url, "pictures": pictures}).decode())
        return told, others

    def of(
        self, artwork_id: str, url: str, asked: AskedPictures, others: Counter[str]
    ) -> dict[str, dict]:
        """By canvas asked for: URL, and of which canvas, language and focal point it is.

        Args:
            artwork_id: of what is shown.
            url: of what is no artwork of the catalogue, such as a placeholder.
            asked: by the page.
            others: counts, by canvas, where there was no such picture.
        """
        ordinal = self._ordinals.get(artwork_id)
        if ordinal is None:
            none = {"url": url, "canvas": None, "language": None, "focal": None}
            return dict.fromkeys(asked.canvases, none)
        found = {}
        for canvas in asked.canvases:
            chosen = self._pictures.choose(ordinal, canvas, asked.languages)
            if not chosen.as_asked:
                others[canvas if canvas in self._pictures.aspects else UNKNOWN] += 1
            canvas_of, path, language, focal = chosen.picture
            found[canvas] = {
                "url": artwork_url(self._base_url, path),
                "canvas": canvas_of,
                "language": language,
                "focal": focal,
            }
        return found


NO_PICTURES = PagePictures((), LayoutPictures({}, ()), "")
"""Where there is no model: every title has its placeholder."""
