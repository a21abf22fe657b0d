"""A catalogue whose artworks have pictures of several canvases, each of one colour."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from data.catalogue import Catalogue
from data.records import IMAGES
from tests.data.images.test_cache import catalogue

SIZES = {"portrait": (40, 60), "tile": (64, 36), "hero": (96, 32)}
COLOURS = {"a": 40, "b": 120, "c": 200}
SHADES = {"portrait": 0, "tile": 10, "hero": 20}


def picture(root: Path, name: str, canvas: str, **more) -> dict:
    """Draw a picture, and give its row."""
    path = f"images/{name}-{canvas}{more.get('language') or ''}.png"
    shade = COLOURS[name] + SHADES[canvas]
    Image.new("RGB", SIZES[canvas], (shade, shade, shade)).save(root / path)
    return {"artwork_id": name, "canvas": canvas, "path": path} | more


ALL = [(name, canvas) for name in COLOURS for canvas in ("portrait", "tile", "hero")]


def canvas_catalogue(
    root: Path,
    without: tuple[tuple[str, str], ...] = (("c", "portrait"), ("b", "hero"), ("c", "hero")),
    more: tuple[dict, ...] = (),
) -> Catalogue:
    """Artworks a, b and c of one title, whose pictures `images.parquet` alone names.

    Args:
        root: folder that it is written to.
        without: pairs of artwork and canvas that have no picture.
        more: further rows of `images.parquet`.
    """
    made = catalogue(root, dict.fromkeys((f"{name}.png" for name in COLOURS), b"")).write()
    rows = [picture(root, *pair) for pair in ALL if pair not in without]
    return write_images(made, [*rows, *more])


def write_images(root: Path, rows: list[dict]) -> Catalogue:
    """Put `images.parquet` beside a catalogue's tables, take its artworks' own paths away, read."""
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), root / "images.parquet")
    table = pq.read_table(root / "artworks.parquet")
    if "path" in table.column_names:
        pq.write_table(table.drop_columns(["path"]), root / "artworks.parquet")
    return Catalogue.read(root)
