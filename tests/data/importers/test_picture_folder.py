"""A folder of pictures becomes a catalogue whose ids never move, whatever lies among them."""

import shutil
from datetime import date

import pyarrow.parquet as pq
import pytest

from data import clock
from data.catalogue import Catalogue
from data.check.path import check_path
from data.errors import BadInput
from data.importers.kept_ids import title_hash, with_new_titles
from data.importers.picture_folder import catalogue
from data.records import TITLES
from tests.data.importers.worlds import pictures


def test_a_sub_folder_is_a_title(tmp_path):
    folder = pictures(tmp_path / "p", {"dune": "ab", "The Waves": "a", "70143836": "b"})
    made = catalogue(folder, tmp_path / "c")
    assert (made.titles, made.artworks, made.left_out) == (3, 4, {})
    assert check_path(tmp_path / "c") == []
    read = Catalogue.read(tmp_path / "c")
    assert sorted(read.title_ids) == ["70143836", "The Waves", "dune"]
    assert read.title_ids == read.titles["name"].to_pylist()
    assert set(read.artwork_ids) == {
        "dune/a.png",
        "dune/b.png",
        "The Waves/a.png",
        "70143836/b.png",
    }


def test_sub_folders_that_are_all_numbers_are_numbers_and_stay_so(tmp_path):
    folder, out = pictures(tmp_path / "p", {"7": "a", "70143836": "b"}), tmp_path / "c"
    catalogue(folder, out)
    assert Catalogue.read(out).title_ids == [7, 70143836]
    catalogue(pictures(folder, {"dune": "a", "08": "a"}), out)
    ids = {7, 70143836, title_hash("08"), title_hash("dune")}
    assert set(Catalogue.read(out).title_ids) == ids


def test_ids_and_days_stay_when_pictures_come_and_go(tmp_path):
    folder, out = pictures(tmp_path / "p", {"dune": "abc", "emma": "ab"}), tmp_path / "c"
    catalogue(folder, out)
    (out / "notes.txt").write_text("theirs")
    first = {row["artwork_id"]: row for row in Catalogue.read(out).artworks.to_pylist()}
    (folder / "dune" / "a.png").unlink()
    shutil.rmtree(folder / "emma")
    pictures(folder, {"aaa": "x", "dune": "d"})
    made = catalogue(folder, out)
    assert (made.new, made.withdrawn, made.artworks) == (2, 3, 4)
    read, today = Catalogue.read(out), clock.today()
    rows = {row["artwork_id"]: row for row in read.artworks.to_pylist()}
    for name, row in first.items():
        gone = name in ("dune/a.png", "emma/a.png", "emma/b.png")
        assert rows[name] == row | ({"withdrawn_day": today} if gone else {})
        assert read.image_path(name).is_file()
    assert rows["dune/d.png"]["added_day"] == rows["aaa/x.png"]["added_day"] == today
    dune = rows["dune/d.png"]["title_id"]
    assert read.default_artwork[dune] == "dune/b.png"
    assert read.candidates(dune, date(2020, 1, 1)) == ["dune/b.png", "dune/c.png", "dune/a.png"]
    assert (out / "notes.txt").read_text() == "theirs"
    assert check_path(out) == []


def test_what_is_no_picture_is_named_and_harms_nobody(tmp_path):
    folder = pictures(tmp_path / "p", {"dune": "ab", "emma": "a"})
    for name in (".DS_Store", "dune/.DS_Store", "dune/Thumbs.db", "emma/notes.txt", "loose.png"):
        (folder / name).write_bytes(b"\0\1")
    whole = (folder / "emma" / "a.png").read_bytes()
    (folder / "emma" / "a.png").write_bytes(whole[:40])
    (folder / "bleak" / "deep").mkdir(parents=True)
    made = catalogue(folder, tmp_path / "c")
    assert set(made.left_out) == {
        *(".DS_Store", "dune/.DS_Store", "dune/Thumbs.db", "emma/notes.txt", "loose.png"),
        *("emma/a.png", "bleak"),
    }
    assert Catalogue.read(tmp_path / "c").artwork_ids == ["dune/a.png", "dune/b.png"]


def test_other_pixels_under_a_name_are_said(tmp_path):
    folder, out = pictures(tmp_path / "p", {"dune": "ab"}), tmp_path / "c"
    catalogue(folder, out)
    shutil.copy(folder / "dune" / "b.png", folder / "dune" / "a.png")
    assert catalogue(folder, out).changed == ["dune/a.png"]
    copied = Catalogue.read(out).image_path("dune/a.png").read_bytes()
    assert copied == (folder / "dune" / "b.png").read_bytes()
    assert catalogue(folder, out).changed == []


def test_lists_say_what_files_do_not(tmp_path):
    folder, out = pictures(tmp_path / "p", {"all": "abc"}), tmp_path / "c"
    (folder / "titles.csv").write_text(
        "title,name,genres,runtime_minutes,default_artwork,price\nT1,None,noir|crime,12,b.png,3\n"
    )
    (folder / "artworks.csv").write_text(
        "file,title,artwork_id,added_day\nall/a.png,T1,one,2026-01-05\nall/b.png,T1,,\nall/x.png,T1,,\n"
    )
    made = catalogue(folder, out)
    assert made.unused_columns == ([] if "own" in TITLES.names else ["price of titles.csv"])
    assert set(made.left_out) == {"all/c.png", "all/x.png"}
    read = Catalogue.read(out)
    [title] = read.titles.to_pylist()
    assert (title["name"], title["genres"], title["runtime_minutes"]) == (
        "None",
        ["noir", "crime"],
        12,
    )
    assert title["default_artwork_id"] == "all/b.png"
    added = dict(zip(read.artwork_ids, read.artworks["added_day"].to_pylist(), strict=True))
    assert added == {"one": date(2026, 1, 5), "all/b.png": date(2000, 1, 1)}


WRONG = {
    "column runtime_minutes, row 0: 'long' is no float": "title,runtime_minutes\ndune,long\n",
    "row 1: 'dune' is in row 0 already": "title\ndune\ndune\n",
    "has no column title; it has name": "name\ndune\n",
    "row 0: title is empty": "title,name\n,x\n",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_list_is_refused_by_file_and_row(tmp_path, words):
    folder = pictures(tmp_path / "p", {"dune": "ab"})
    (folder / "titles.csv").write_text(WRONG[words])
    with pytest.raises(BadInput, match=words):
        catalogue(folder, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_folder_that_is_another_thing_is_left_alone(tmp_path):
    folder = pictures(tmp_path / "p", {"dune": "ab"})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "titles.parquet").write_bytes(b"mine")
    with pytest.raises(BadInput, match="did not write"):
        catalogue(folder, tmp_path / "c")
    with pytest.raises(BadInput, match="lies in the pictures"):
        catalogue(folder, folder / "c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no picture of a title"):
        catalogue(tmp_path / "empty", tmp_path / "d")


def test_a_name_whose_hash_another_has_gets_another_id_that_stays():
    kept = {"renamed": title_hash("a")}
    ids = with_new_titles(kept, ["a", "b"])
    assert ids == kept | {"a": title_hash("a", 1), "b": title_hash("b")}
    assert with_new_titles(ids, ["b", "a", "renamed"]) == ids
    assert len({title_hash(str(at)) for at in range(1000)}) == 1000


def test_kept_ids_that_name_two_things_are_refused(tmp_path):
    folder, out = pictures(tmp_path / "p", {"dune": "ab", "emma": "a"}), tmp_path / "c"
    catalogue(folder, out)
    table = pq.read_table(out / "ids.parquet")
    pq.write_table(table.set_column(1, table.schema.field(1), [["e", "e"]]), out / "ids.parquet")
    with pytest.raises(BadInput, match="column title_id: 'e' stands there twice"):
        catalogue(folder, out)
