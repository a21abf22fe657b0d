"""Pictures of artworks by canvas: which one a page and an encoder get, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import catalogue_format, image_cache
from data.images.canvases import canvas_aspects, canvas_pictures
from data.images.format import ImageFormat
from data.pictures import MAIN, Picture, choose
from data.records import IMAGES
from tests.data.images.canvases import canvas_catalogue, picture, write_images
from tests.data.images.test_cache import catalogue, plain

OWN = (
    Picture("portrait", "p"),
    Picture("portrait", "p-nb", "nb"),
    Picture("tile", "t-de", "de"),
    Picture("hero", "h", "en-GB"),
    Picture("hero", "h-nb", "nb"),
)
ASPECTS = {"portrait": 2 / 3, "tile": 16 / 9, "hero": 3.0, "square": 1.0, "strip": 2.5}


@pytest.mark.parametrize(
    ("canvas", "languages", "path", "as_asked"),
    [
        (MAIN, [], "p", True),
        (MAIN, ["nb"], "p-nb", True),
        ("portrait", [], "p", True),
        ("portrait", ["fr"], "p", True),  # a picture without text is for everybody
        ("hero", ["en"], "h", True),
        ("hero", ["fr", "NB"], "h-nb", True),
        ("hero", ["nb-NO", "en"], "h-nb", True),
        ("hero", ["en", "nb"], "h", True),
        ("tile", [], "t-de", True),
        ("tile", ["nb"], "t-de", False),  # of that shape there is no other
        ("square", [], "p", False),  # 1 is nearer to 2:3 than to 16:9
        ("strip", ["nb"], "h-nb", False),
        ("unheard of", [], "p", False),
    ],
)
def test_a_canvas_gets_the_picture_of_its_shape_and_then_of_its_language(
    canvas, languages, path, as_asked
):
    chosen = choose(OWN, canvas, languages, ASPECTS)
    assert (chosen.picture.path, chosen.as_asked) == (path, as_asked)


def test_what_most_artworks_have_is_read_and_what_lacks_it_is_read_as_another(tmp_path: Path):
    ours = canvas_catalogue(tmp_path)
    assert canvas_aspects(ours) == pytest.approx({"tile": 16 / 9, "portrait": 2 / 3, "hero": 3})
    shape = catalogue_format(ours)
    assert shape == ImageFormat(72, 128, "whole", "tile")
    cache = image_cache(ours, tmp_path / "cache", shape, quiet=True)
    assert [int(cache.images[row].mean()) for row in cache.of(["a", "b", "c"])] == [50, 130, 210]
    assert cache.other_canvas == {}
    tall = catalogue_format(ours, "portrait")
    assert (tall.height, tall.width) == (120, 80)
    read = canvas_pictures(ours, "portrait")
    assert read.other == {"c": "tile"}
    cache = image_cache(ours, tmp_path / "cache", tall, quiet=True)
    assert cache.other_canvas == {"c": "tile"}
    with pytest.raises(BadInput, match=r"'poster' is of no picture .* tile, portrait, hero"):
        catalogue_format(ours, "poster")


def test_a_catalogue_without_the_file_is_one_canvas(tmp_path: Path):
    ours = catalogue(tmp_path, plain("red", "lime"))
    assert catalogue_format(ours) == ImageFormat(72, 128)
    assert canvas_pictures(ours, "tile").other == {"red": MAIN, "lime": MAIN}
    assert [own[0].path for own in ours.pictures] == ["images/red.png", "images/lime.png"]


def test_the_picture_of_a_path_stays_the_main_one(tmp_path: Path):
    """A bundle that was trained before canvases were named goes on with what it read."""
    before = catalogue(tmp_path, plain("red", "lime"))
    before.write()
    wide = {"artwork_id": "red", "canvas": "wide", "path": "images/lime.png"}
    named = {"artwork_id": "red", "canvas": "tile", "path": "images/red.png", "focal_x": 0.1}
    rows = [wide, named | {"focal_y": 0.2}]
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), tmp_path / "images.parquet")
    ours = Catalogue.read(tmp_path)
    assert [one.path for one in canvas_pictures(ours, MAIN).pictures] == [
        "images/red.png",
        "images/lime.png",
    ]
    assert ours.pictures[0][0] == Picture("tile", "images/red.png", None, (0.1, 0.2))
    assert Catalogue.read(ours.write(tmp_path / "again")).pictures == ours.pictures


def test_a_crop_is_about_the_focal_point_and_a_whole_picture_has_all(tmp_path: Path):
    wide = np.zeros((36, 192, 3), np.uint8)
    wide[:, -36:] = 255  # white at the right end
    ours = catalogue(tmp_path, {"a.png": b"", "b.png": b""})
    ours.write()
    Image.fromarray(wide).save(tmp_path / "images" / "a.png")
    rows = [
        {"artwork_id": name, "canvas": "wide", "path": "images/a.png"} | focal
        for name, focal in (("a", {"focal_x": 1.0, "focal_y": 0.5}), ("b", {}))
    ]
    ours = write_images(tmp_path, rows)
    crop, whole = (ImageFormat(36, 36, fit, "wide") for fit in ("crop", "whole"))
    cache = image_cache(ours, tmp_path / "cache", crop, quiet=True)
    assert [cache.images[row].mean() for row in cache.of(["a", "b"])] == [255, 0]
    held = image_cache(ours, tmp_path / "cache", crop, quiet=True)
    np.testing.assert_array_equal(held.images, cache.images)
    seen = image_cache(ours, tmp_path / "cache", whole, quiet=True)
    assert seen.rows["a"] == seen.rows["b"]
    assert seen.images[0][:, 18, 0].tolist() == [0, 0, 0]
    assert seen.images[0][:, 18, 35].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"artwork_id": "z"}, r"images.parquet, column artwork_id, row 1: artwork 'z' is not in"),
        ({"canvas": "tile"}, r"column canvas, row 1: artwork 'a' .*'tile' .*none in row 0 already"),
        ({"canvas": "main"}, r"column canvas, row 1: 'main'.*give it another name"),
        ({"canvas": ""}, r"column canvas, row 1: ''.*1 to 500"),
        ({"path": "../a.png"}, r"column path, row 1: '../a.png' leads out"),
        ({"focal_x": 1.2, "focal_y": 0.5}, r"focal_x, row 1: the focal point \(1.2, 0.5\).*0 to 1"),
        ({"focal_x": 0.5}, r"row 1: the focal point \(0.5, nan\)"),
        ({"aspect": 0.0}, r"column aspect, row 1: 0 is no aspect"),
        ({"language": ""}, r"column language, row 1"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_by_file_and_row(tmp_path: Path, changes, words):
    root = catalogue(tmp_path, plain("red")).write()
    rows = [{"artwork_id": "red", "canvas": "tile", "path": "images/red.png"}] * 2
    rows = [row | {"canvas": canvas} for row, canvas in zip(rows, ("tile", "hero"), strict=True)]
    words = words.replace("'a'", "'red'")
    with pytest.raises(BadInput, match=words):
        write_images(root, [rows[0], rows[1] | changes])


def test_an_artwork_without_any_picture_is_refused(tmp_path: Path):
    root = catalogue(tmp_path, dict.fromkeys(("a.png", "b.png"), b"")).write()
    with pytest.raises(BadInput, match=r"artworks.parquet, column path, row 1: null"):
        write_images(root, [picture(root, "a", "tile")])
