"""A catalogue on disk."""

from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.records import ARTWORKS, TITLES
from tests.data.check.check_rows import DAY


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    title = {
        "title_id": 1,
        "name": "One",
        "genres": [],
        "cast": [],
        "popularity": 1.0,
        "launch_day": DAY,
        "runtime_minutes": 90.0,
        "default_artwork_id": "a",
    }
    artworks = [
        {"artwork_id": a, "title_id": 1, "path": f"{a}.png", "added_day": DAY} for a in "abc"
    ]
    folder = tmp_path / "catalogue"
    folder.mkdir()
    for a in "abc":
        Image.new("RGB", (16, 9)).save(folder / f"{a}.png")
    made = Catalogue(
        folder, pa.Table.from_pylist([title], TITLES), pa.Table.from_pylist(artworks, ARTWORKS)
    )
    made.write()
    return made
