"""`assets.parquet`: what a title may be shown with beside artwork, checked by row and remedy."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.assets.assets import Assets
from data.assets.templates import fill
from data.catalogue import Catalogue
from data.check.path import check_path
from data.errors import BadInput
from data.records import ASSETS, titles_as
from tests.data.check.test_path import kinds
from tests.data.images.canvases import canvas_catalogue

DAY = date(2026, 1, 5)
SOUND = {
    "s1": {"kind": "synopsis", "content": "text", "text": "A robbery.", "language": "en"},
    "s2": {"kind": "synopsis", "content": "text", "text": "Ein Überfall.", "language": "de-AT"},
    "s3": {"kind": "synopsis", "content": "text", "text": "…", "withdrawn_day": DAY},
    "t1": {"kind": "trailer", "content": "clip", "frames": ["images/a-tile.png"] * 2},
    "p1": {"kind": "evidence", "content": "picture", "frames": ["images/a-tile.png"]},
    "e1": {"kind": "evidence", "content": "template", "text": "With {watched_cast}"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    canvas_catalogue(tmp_path)
    return tmp_path


def written(folder: Path, changes: dict[str, dict]) -> Path:
    title = Catalogue.read(folder).title_ids[0]
    common = {"title_id": title, "added_day": DAY - timedelta(1)}
    rows = [{"asset_id": n, **common, **row, **changes.get(n, {})} for n, row in SOUND.items()]
    schema = titles_as(ASSETS, Catalogue.read(folder).title_kind)
    lenient = pa.schema([field.with_nullable(True) for field in schema])
    pq.write_table(pa.Table.from_pylist(rows, lenient), folder / "assets.parquet")
    return folder / "assets.parquet"


def test_a_catalogue_without_assets_has_artwork_alone(folder: Path):
    read = Assets.read(Catalogue.read(folder))
    title = read.catalogue.title_ids[0]
    assert read.kinds == ["artwork"]
    days = read.catalogue.artworks["added_day"].to_pylist()
    assert read.candidates(title, "artwork", max(days)) == ["a", "b", "c"]
    assert read.candidates(title, "synopsis", DAY) == []


def test_candidates_are_those_of_day_and_language(folder: Path):
    file = written(folder, {})
    assert check_path(folder) == []
    assert check_path(file) == []
    read = Assets.read(Catalogue.read(folder))
    title = read.catalogue.title_ids[0]
    assert read.kinds == ["artwork", "synopsis", "trailer", "evidence"]
    assert read.candidates(title, "synopsis", DAY) == ["s1", "s2"]
    assert read.candidates(title, "synopsis", DAY - timedelta(1)) == ["s1", "s2", "s3"]
    assert read.candidates(title, "synopsis", DAY, ["de", "fr"]) == ["s2"]
    assert read.candidates(title, "synopsis", DAY, ["ja"]) == []
    assert read.candidates(title, "trailer", DAY, ["ja"]) == ["t1"]
    assert read.candidates(title, "synopsis", DAY - timedelta(2)) == []
    before = file.read_bytes()
    again = pq.read_table(read.write())
    assert again.equals(read.table)
    assert before != b""


@pytest.mark.parametrize(
    ("asset", "changes", "kind", "column", "remedy"),
    [
        ("s1", {"asset_id": "a"}, "asset id", "asset_id", "of its own"),
        ("s2", {"asset_id": "s1"}, "duplicate id", "asset_id", "keep one"),
        ("s1", {"kind": "artwork"}, "kind of asset", "kind", "synopsis"),
        ("s1", {"kind": "Row Title"}, "kind of asset", "kind", "small letters"),
        ("s1", {"kind": None}, "null", "kind", ""),
        ("s1", {"content": "movie"}, "content", "content", "clip"),
        ("s1", {"text": " "}, "text", "text", "write it"),
        ("s1", {"text": "x" * 2001}, "text", "text", "write it"),
        ("e1", {"text": "An award"}, "text", "text", "another content"),
        ("e1", {"text": "By {director}"}, "text", "text", "another content"),
        ("e1", {"text": "{name} and {"}, "text", "text", "another content"),
        ("t1", {"frames": []}, "frames", "frames", "key frames"),
        ("p1", {"frames": ["images/a-tile.png"] * 2}, "frames", "frames", "one path"),
        ("s1", {"frames": ["images/a-tile.png"]}, "frames", "frames", "words have none"),
        ("p1", {"frames": ["../a.png"]}, "path", "frames", "relative"),
        ("p1", {"frames": ["images/gone.png"]}, "image", "frames", "drop the asset"),
        ("s1", {"language": "English please"}, "language", "language", "pt-BR"),
        ("s1", {"withdrawn_day": DAY - timedelta(9)}, "days", "withdrawn_day", "null"),
        ("s1", {"title_id": 999}, "unknown title", "title_id", "add the title"),
    ],
)
def test_a_mistake_is_named_by_row_and_remedy(folder: Path, asset, changes, kind, column, remedy):
    written(folder, {asset: changes})
    found = check_path(folder)
    assert (kind, column, list(SOUND).index(asset)) in kinds(found)
    assert remedy in next(one for one in found if one.kind == kind).remedy
    if kind != "image":  # frames are opened by a check alone
        with pytest.raises(BadInput, match=r"assets\.parquet"):
            Assets.read(Catalogue.read(folder))


def test_torn_files_and_other_title_ids_are_named(folder: Path):
    file = written(folder, {})
    other = pq.read_table(file)
    ids = pa.array(["1"] * len(other), pa.string())
    pq.write_table(other.set_column(other.column_names.index("title_id"), "title_id", ids), file)
    assert ("kind of title ids", "title_id", None) in kinds(check_path(folder))
    file.write_bytes(b"torn")
    assert ("unreadable", None, None) in kinds(check_path(folder))


def test_a_template_says_what_title_and_member_share_or_nothing():
    watched = {"cast": {"Ada": 1.0, "Bo": 3.0, "Cy": 4.0}, "genre": {"crime": 2.0, "war": 2.0}}
    title = ("The Heist", ["crime", "comedy"], ["Ada", "Bo"])
    said = fill("With {watched_cast}, whom you watch", *title, watched)
    assert said == ("With Bo, whom you watch", 3 / 8)
    assert fill("{name}: more {watched_genre}", *title, watched) == ("The Heist: more crime", 0.5)
    assert fill("{genre} with {cast}", *title, {}) == ("crime with Ada", 1.0)
    assert fill("With {watched_cast}", *title, {"cast": {"Cy": 2.0}}) is None
    assert fill("{genre}", "The Heist", [], [], watched) is None
