"""The pictures of an artwork: one, or several by canvas and by the language of their text.

`images.parquet` beside `artworks.parquet` has a row a picture. A catalogue without it has one
picture an artwork, that of `artworks.path`, which is its main picture wherever there are others.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from data.lean.picture_choice import MAIN, Picture, choose
from data.problem import Fault, Problem
from data.records import ARTWORKS, IMAGES
from data.schema_cast import conform, nulls, read_table
from data.sound import id_problem

IMAGES_FILE = "images.parquet"
PATH = Fault("path", "path", "write it relative to the folder that holds artworks.parquet")
CANVAS = Fault("canvas", "canvas", "give it another name")
LANGUAGE = Fault("language", "language", "leave it null where the picture has no text")
UNKNOWN_ARTWORK = Fault(
    "unknown artwork", "artwork_id", "add the artwork to artworks.parquet or drop the picture"
)
REPEATED = Fault(
    "repeated canvas", "canvas", "keep one picture of each artwork, canvas and language"
)
FOCAL = Fault("focal point", "focal_x", "give focal_x and focal_y from 0 to 1, or neither")
ASPECT = Fault("aspect", "aspect", "give width over height, or leave it null")


def read_images(folder: Path) -> tuple[pa.Table | None, list[Problem]]:
    """A catalogue's `images.parquet` in the schema IMAGES, and what is wrong.

    None where it has none, or none whose columns can be read.

    Raises:
        UnreadableFile: it is not a whole Parquet file.
    """
    file = folder / IMAGES_FILE
    if not file.is_file():
        return None, []
    table, problems = conform(read_table(file), IMAGES, file)
    return (table if table.column_names == IMAGES.names else None), problems


def conform_artworks(
    table: pa.Table, images: pa.Table | None, file: Path | str
) -> tuple[pa.Table, list[Problem]]:
    """A table in the schema ARTWORKS, and what is wrong with it.

    With `images` a path may be null, or the column missing: the main picture is then that of the
    canvas that most artworks have, or, where there is none of it, the artwork's first.
    """
    if images is None:
        return conform(table, ARTWORKS, file)
    at = ARTWORKS.get_field_index("path")
    lenient = ARTWORKS.set(at, ARTWORKS.field(at).with_nullable(True))
    table, problems = conform(table, lenient, file)
    if not {"artwork_id", "path"} <= set(table.column_names):
        return table, problems
    names, paths = table["artwork_id"].to_pylist(), table["path"].to_pylist()
    if None in paths:
        listed = _listed(images)
        most = commonest_canvas(listed.values())
        for row, name in enumerate(names):
            own = listed.get(name)
            if paths[row] is None and own:
                paths[row] = choose(own, most).picture.path
    at = table.schema.get_field_index("path")
    column = pa.chunked_array([pa.array(paths, pa.string())])
    table = table.set_column(at, ARTWORKS.field("path"), column)
    return table, [*problems, *nulls(table["path"].combine_chunks(), file, "path")]


def pictures_of(artworks: pa.Table, images: pa.Table | None) -> list[tuple[Picture, ...]]:
    """The pictures of each artwork, the main one first; those of a canvas in the file's order."""
    listed = _listed(images) if images is not None else {}
    found = []
    names, paths = artworks["artwork_id"].to_pylist(), artworks["path"].to_pylist()
    for name, path in zip(names, paths, strict=True):
        own = listed.get(name, [])
        main = [picture for picture in own if picture.path == path] or [Picture(MAIN, path)]
        found.append((*main, *(picture for picture in own if picture.path != path)))
    return found


def commonest_canvas(pictures: Iterable[Sequence[Picture]]) -> str:
    """The canvas that most artworks have: of several the main pictures', then the first named."""
    counts = Counter[str]({MAIN: 0})
    for own in pictures:
        counts.update(list(dict.fromkeys(picture.canvas for picture in own)))
    return max(counts, key=lambda canvas: counts[canvas])


def image_problems(
    images: pa.Table, artwork_ids: Sequence[str] | None, file: Path
) -> Iterator[Problem]:
    """What is wrong with the content of a table in the schema IMAGES; its files are not opened.

    Args:
        images: to be looked at.
        artwork_ids: that there are; None: not known.
        file: as problems name it.
    """
    names, canvases, paths, languages = (
        images[column].to_pylist() for column in ("artwork_id", "canvas", "path", "language")
    )
    if artwork_ids is not None:
        known = set(artwork_ids)
        yield from UNKNOWN_ARTWORK.in_rows(
            file,
            np.array([name is not None and name not in known for name in names], bool),
            lambda row: f"artwork {names[row]!r} is not in artworks.parquet",
        )
    wrong = [None if canvas is None else _wrong_canvas(canvas) for canvas in canvases]
    refused = np.array([why is not None for why in wrong], bool)
    yield from CANVAS.in_rows(file, refused, lambda row: f"{canvases[row]!r:.60}: {wrong[row]}")
    strange = [one is not None and id_problem(one) is not None for one in languages]
    yield from LANGUAGE.in_rows(
        file, np.array(strange, bool), lambda row: f"{languages[row]!r:.60} is no language"
    )
    leads = np.array([path is not None and leads_out(path) for path in paths], bool)
    yield from PATH.in_rows(
        file, leads, lambda row: f"{paths[row]!r} leads out of the catalogue folder"
    )
    first: dict[tuple, int] = {}
    keys = list(zip(names, canvases, languages, strict=True))
    again = np.array([first.setdefault(key, row) != row for row, key in enumerate(keys)], bool)
    yield from REPEATED.in_rows(
        file,
        again,
        lambda row: (
            f"artwork {names[row]!r} has canvas {canvases[row]!r} in language "
            f"{languages[row] or 'none'} in row {first[keys[row]]} already"
        ),
    )
    yield from _wrong_numbers(images, file)


def leads_out(path: str) -> bool:
    """Whether a path is none, or leads out of the folder that it is relative to."""
    pure = PurePosixPath(path)
    return not path or pure.is_absolute() or ".." in pure.parts


def _listed(images: pa.Table) -> dict[str, list[Picture]]:
    """The pictures that a table in the schema IMAGES names, by artwork."""
    columns = (images[name].to_pylist() for name in IMAGES.names)
    listed = dict[str, list[Picture]]()
    for name, canvas, path, language, _, x, y in zip(*columns, strict=True):
        focal = None if x is None or y is None else (x, y)
        listed.setdefault(name, []).append(Picture(canvas, path, language, focal))
    return listed


def _wrong_canvas(canvas: str) -> str | None:
    if canvas == MAIN:
        return "it is the name of the picture of artworks.path, whatever its canvas"
    return id_problem(canvas)


def _wrong_numbers(images: pa.Table, file: Path) -> Iterator[Problem]:
    """Focal points outside their picture, and aspects that are none."""
    x, y, aspect = (
        images[name].to_numpy().astype(np.float64) for name in ("focal_x", "focal_y", "aspect")
    )
    there = [np.asarray(images[name].is_valid()) for name in ("focal_x", "focal_y", "aspect")]
    inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    outside = (there[0] | there[1]) & ~(there[0] & there[1] & inside)
    yield from FOCAL.in_rows(
        file, outside, lambda row: f"the focal point ({x[row]:g}, {y[row]:g}) is not in the picture"
    )
    none = there[2] & ~((aspect > 0) & np.isfinite(aspect))
    yield from ASPECT.in_rows(file, none, lambda row: f"{aspect[row]:g} is no aspect")
