"""Pictures of other canvases beside an artwork's own, told by their names."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.check.path import check_path
from data.importers.picture_folder import catalogue
from data.records import IMAGES
from tests.data.importers.worlds import pictures

NAMES = ["a", "b", "a@tile", "a@tile.nb", "a@hero.en-GB", "b@tile"]


def rows(out) -> dict[str, dict]:
    return {row["path"]: row for row in Catalogue.read(out).images.to_pylist()}


def test_a_name_with_a_canvas_is_a_further_picture_of_the_artwork_beside_it(tmp_path):
    folder, out = pictures(tmp_path / "p", {"dune": NAMES}), tmp_path / "c"
    made = catalogue(folder, out)
    assert (made.artworks, made.canvases) == (2, {"hero": 1, "tile": 3})
    read = Catalogue.read(out)
    assert read.artwork_ids == ["dune/a.png", "dune/b.png"]
    own = {(one.canvas, one.language): one.path for one in read.pictures[0]}
    assert own == {
        ("main", None): "images/dune/a.png",
        ("tile", None): "images/dune/a@tile.png",
        ("tile", "nb"): "images/dune/a@tile.nb.png",
        ("hero", "en-GB"): "images/dune/a@hero.en-GB.png",
    }
    assert check_path(out) == []


def test_names_that_only_look_like_it_stay_artworks(tmp_path):
    folder, out = (
        pictures(tmp_path / "p", {"dune": ["x@2x", "y"], "emma": ["y@tile"]}),
        tmp_path / "c",
    )
    assert catalogue(folder, out).canvases == {}
    assert not (out / "images.parquet").exists()
    pictures(folder, {"dune": ["x"]})
    assert catalogue(folder, out).canvases == {}, "what was an artwork stays one"
    assert set(Catalogue.read(out).artwork_ids) == {
        *("dune/x@2x.png", "dune/x.png", "dune/y.png", "emma/y@tile.png")
    }


def test_a_second_run_follows_the_folder_and_keeps_what_was_added_by_hand(tmp_path):
    folder, out = pictures(tmp_path / "p", {"dune": NAMES, "emma": ["c", "c@tile"]}), tmp_path / "c"
    catalogue(folder, out)
    known = Catalogue.read(out).images.to_pylist()
    for row in known:
        row |= {"focal_x": 0.5, "focal_y": 0.1}
    own = {"artwork_id": "dune/b.png", "canvas": "portrait", "path": "images/dune/b.png"}
    pq.write_table(pa.Table.from_pylist([*known, own], IMAGES), out / "images.parquet")
    for name in ("dune/a@tile.nb.png", "emma/c.png", "emma/c@tile.png"):
        (folder / name).unlink()
    catalogue(folder, out)
    after = rows(out)
    assert "images/dune/a@tile.nb.png" not in after
    assert after["images/dune/a@tile.png"]["focal_y"] == pytest.approx(0.1)
    assert after["images/dune/b.png"]["canvas"] == "portrait"
    assert after["images/emma/c@tile.png"]["artwork_id"] == "emma/c.png", "logs name it"
    assert check_path(out) == []


def test_pictures_that_cannot_be_had_or_are_twice_are_named(tmp_path):
    folder, out = pictures(tmp_path / "p", {"dune": ["a", "a@tile", "b", "b@tile"]}), tmp_path / "c"
    (folder / "dune" / "b.png").write_bytes(b"torn")
    (folder / "dune" / "a@hero.png").write_bytes(b"torn")
    (folder / "dune" / "a@tile.webp").write_bytes((folder / "dune" / "a@tile.png").read_bytes())
    made = catalogue(folder, out)
    assert set(made.left_out) == {
        *("dune/a@hero.png", "dune/a@tile.webp", "dune/b.png", "dune/b@tile.png")
    }
    assert "dune/a@tile.png is of this canvas" in made.left_out["dune/a@tile.webp"]
    assert list(rows(out)) == ["images/dune/a@tile.png"]
