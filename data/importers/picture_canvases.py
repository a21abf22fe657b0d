"""Further pictures of an artwork in a folder: `a@tile.jpg` is the tile of the artwork `a.jpg`."""

import re
from collections.abc import Container, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa

from data.pictures import IMAGES_FILE, MAIN
from data.reading.conformed_files import conformed_table
from data.records import IMAGES

NAME = re.compile(r"(?P<stem>.+)@(?P<canvas>[^@.]+)(\.(?P<language>[A-Za-z]{2,3}(-\w+)*))?")


class CanvasFile(NamedTuple):
    """A picture that is no artwork of its own."""

    file: str
    """Relative to the folder of pictures."""
    of: str
    """The file of its artwork."""
    canvas: str
    language: str | None


class CanvasFiles:
    """Tells further pictures of artworks by their names.

    Args:
        files: all of the folder, relative to it.
        artworks: files that are artworks whatever their names: listed, or so since an earlier run.
    """

    def __init__(self, files: Iterable[str], artworks: Container[str]) -> None:
        self._artworks = artworks
        self._plain: dict[str, str] = {}
        for file in files:
            stem = str(PurePosixPath(file).with_suffix(""))
            if not NAME.fullmatch(stem):
                self._plain.setdefault(stem, file)

    def of(self, file: str) -> CanvasFile | None:
        """Whose picture a file is, and of which canvas; None: it is an artwork's own."""
        found = NAME.fullmatch(str(PurePosixPath(file).with_suffix("")))
        owner = self._plain.get(found["stem"]) if found else None
        if found is None or owner is None or found["canvas"] == MAIN or file in self._artworks:
            return None
        return CanvasFile(file, owner, found["canvas"], found["language"])


def image_rows(
    pictures: Iterable[CanvasFile], artwork_of: dict[str, str], before: Path
) -> pa.Table | None:
    """Rows of `images.parquet`; None: no artwork has a second picture, or ever had.

    What else the file says stays: rows that somebody added, focal points, and the pictures of
    artworks that have gone, for the logs that name them.

    Args:
        pictures: that can be decoded, each of an artwork whose own picture is there.
        artwork_of: file → artwork.
        before: folder of the catalogue that is brought up to date.
    """
    file = before / IMAGES_FILE
    known = conformed_table(file, IMAGES).to_pylist() if file.is_file() else []
    said = {(row["artwork_id"], row["path"]): row for row in known}
    rows = []
    for one in pictures:
        name, path = artwork_of[one.of], f"images/{one.file}"
        says = {"artwork_id": name, "canvas": one.canvas, "path": path, "language": one.language}
        rows.append(said.get((name, path), {}) | says)
    there = set(artwork_of.values())
    rows += [row for row in known if row["artwork_id"] not in there or not _named(row["path"])]
    return pa.Table.from_pylist(rows, IMAGES) if rows or known else None


def _named(path: str) -> bool:
    """Whether a file's name says its canvas."""
    return NAME.fullmatch(str(PurePosixPath(path).with_suffix(""))) is not None
