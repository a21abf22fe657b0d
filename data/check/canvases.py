"""What is wrong with `images.parquet` of a catalogue: its rows, and the files that they name."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import track

from data.errors import BadInput
from data.images.decode import aspect, load_image
from data.pictures import IMAGES_FILE, image_problems
from data.problem import Fault, Problem

TOLERANCE = 0.02
"""By how much the aspect that a row says may differ from its file's, as a share."""
PICTURE = Fault("image", "path", "or drop the row")
OTHER_ASPECT = Fault("aspect", "aspect", "mend it, leave it null, or name the right file")


def check_canvases(
    folder: Path, images: pa.Table, artworks: pa.Table | None, *, decode: bool
) -> Iterator[Problem]:
    """Every problem of a table in the schema IMAGES.

    Args:
        folder: of the catalogue.
        images: the table.
        artworks: in the schema ARTWORKS; None: it could not be read.
        decode: open every file.
    """
    file = folder / IMAGES_FILE
    names = None if artworks is None else artworks["artwork_id"].to_pylist()
    yield from image_problems(images, names, file)
    if decode:
        yield from _files(folder, images, file)


def _files(folder: Path, images: pa.Table, file: Path) -> Iterator[Problem]:
    """Files that cannot be had whole, and those of another aspect than is said."""
    paths, said = images["path"].to_pylist(), images["aspect"].to_pylist()
    tried: dict[str, str | float] = {}
    console = Console(stderr=True)
    some = dict.fromkeys(path for path in paths if path)
    for path in track(list(some), "decoding pictures", console=console, transient=True):
        try:
            load_image(folder / path)
            tried[path] = aspect(folder / path)
        except BadInput as refusal:
            tried[path] = str(refusal)
    found = [tried.get(path, math.nan) for path in paths]
    refused = np.array([isinstance(one, str) for one in found], bool)
    yield from PICTURE.in_rows(file, refused, lambda row: str(found[row]))
    apart = np.array(
        [
            told is not None and told > 0 and isinstance(one, float) and _apart(told, one)
            for told, one in zip(said, found, strict=True)
        ],
        bool,
    )
    yield from OTHER_ASPECT.in_rows(
        file, apart, lambda row: f"{said[row]:.3f} is said, and {paths[row]} has {found[row]:.3f}"
    )


def _apart(one: float, other: float) -> bool:
    return abs(math.log(one / other)) > math.log1p(TOLERANCE)
