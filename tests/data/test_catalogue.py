"""A catalogue folder: read whole, or refused by file, column and row."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.catalogue import Catalogue
from data.errors import BadInput
from data.own_facts import own_names
from data.records import ARTWORKS, TITLES

DAY = date(2026, 1, 1)


def title(title_id: int = 1, **changes) -> dict:
    return {
        "title_id": title_id,
        "name": f"Title {title_id}",
        "genres": ["drama"],
        "cast": [],
        "popularity": 0.5,
        "launch_day": DAY,
        "runtime_minutes": 90.0,
        "default_artwork_id": f"{title_id}a",
    } | changes


def artwork(artwork_id: str = "1a", **changes) -> dict:
    return {
        "artwork_id": artwork_id,
        "title_id": int(artwork_id[0]),
        "path": f"{artwork_id}.jpg",
        "added_day": DAY,
        "withdrawn_day": None,
        "cast_shown": None,
        "tone": None,
    } | changes


def written(folder: Path, titles: list[dict], artworks: list[dict]) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(titles, TITLES), folder / "titles.parquet")
    pq.write_table(pa.Table.from_pylist(artworks, ARTWORKS), folder / "artworks.parquet")
    return folder


TWO = ([title(1), title(2)], [artwork("1a"), artwork("1b"), artwork("2a")])


def test_what_was_written_is_read(tmp_path: Path):
    catalogue = Catalogue.read(written(tmp_path / "a", *TWO))
    assert catalogue.title_ids == [1, 2]
    assert catalogue.artwork_ids == ["1a", "1b", "2a"]
    assert catalogue.default_artwork == {1: "1a", 2: "2a"}
    assert catalogue.image_path("1b") == tmp_path / "a" / "1b.jpg"
    again = Catalogue.read(catalogue.write(tmp_path / "b"))
    assert again.titles == catalogue.titles
    assert again.artworks == catalogue.artworks
    assert {f.name for f in (tmp_path / "b").iterdir()} == {"titles.parquet", "artworks.parquet"}


@given(
    days=st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5)), min_size=1),
    asked=st.integers(-1, 6),
)
def test_candidates_are_those_added_and_not_withdrawn(days, asked):
    artworks = [
        artwork(
            f"1-{i}",
            added_day=DAY + timedelta(added),
            withdrawn_day=None if stays is None else DAY + timedelta(added + stays),
        )
        for i, (added, stays) in enumerate(days)
    ]
    catalogue = Catalogue(
        Path(),
        pa.Table.from_pylist([title(default_artwork_id="1-0")], TITLES),
        pa.Table.from_pylist(artworks, ARTWORKS),
    )
    assert catalogue.candidates(1, DAY + timedelta(asked)) == [
        f"1-{i}"
        for i, (added, stays) in enumerate(days)
        if added <= asked and (stays is None or asked < added + stays)
    ]


def test_unknown_titles_and_artworks_are_named():
    catalogue = Catalogue(
        Path(), pa.Table.from_pylist(TWO[0], TITLES), pa.Table.from_pylist(TWO[1], ARTWORKS)
    )
    with pytest.raises(BadInput, match="title 3 is not in the catalogue"):
        catalogue.candidates(3, DAY)
    with pytest.raises(BadInput, match="'9z' is not in the catalogue"):
        catalogue.image_path("9z")


@pytest.mark.parametrize(
    ("titles", "artworks", "message"),
    [
        ([title(1), title(1)], [artwork("1a")], r"titles.*title_id, row 1: 1 is in row 0 already"),
        (
            [title(-1)],
            [artwork("1a", title_id=-1)],
            r"title_id, row 0: -1: a whole number is from 0",
        ),
        ([title(1), title(2)], [artwork("1a")], r"row 1: title 2 has no artwork"),
        ([title(1)], [artwork("1a"), artwork("1a")], r"artwork_id, row 1: '1a' is in row 0"),
        ([title(1)], [artwork("1a"), artwork("2a")], r"row 1: title 2 is not in titles"),
        ([title(1, default_artwork_id="x")], [artwork("1a")], r"row 0: 'x' is not in artworks"),
        (
            [title(1, default_artwork_id="2a"), title(2)],
            [artwork("1a"), artwork("2a")],
            r"row 0: '2a' belongs to title 2, not 1",
        ),
        ([title(1, popularity=float("nan"))], [artwork("1a")], r"popularity, row 0: nan"),
        ([title(1, popularity=-1.0)], [artwork("1a")], r"popularity, row 0: -1"),
        ([title(1, runtime_minutes=0.0)], [artwork("1a")], r"runtime_minutes, row 0: 0.0"),
        ([title(1)], [artwork("1a", path="../x.jpg")], r"path, row 0: '../x.jpg' leads out"),
        ([title(1)], [artwork("1a", path="/x.jpg")], r"path, row 0: '/x.jpg' leads out"),
        ([title(1)], [artwork("1a", withdrawn_day=date(2025, 1, 1))], r"row 0: .* before added"),
    ],
)
def test_a_wrong_row_is_named_with_its_remedy(tmp_path: Path, titles, artworks, message):
    folder = written(tmp_path, titles, artworks)
    with pytest.raises(BadInput, match=message):
        Catalogue.read(folder)


def test_missing_files_are_named(tmp_path: Path):
    with pytest.raises(BadInput, match="no catalogue folder"):
        Catalogue.read(tmp_path / "gone")
    with pytest.raises(BadInput, match=r"titles\.parquet is missing"):
        Catalogue.read(tmp_path)
    written(tmp_path, *TWO)
    (tmp_path / "titles.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"titles\.parquet is not a whole Parquet"):
        Catalogue.read(tmp_path)


def test_columns_are_cast_filled_or_named(tmp_path: Path):
    written(tmp_path, *TWO)
    artworks = pq.read_table(tmp_path / "artworks.parquet")
    loose = artworks.drop(["withdrawn_day", "tone"])
    loose = loose.set_column(0, "artwork_id", loose["artwork_id"].dictionary_encode())
    loose = loose.set_column(1, "title_id", loose["title_id"].cast(pa.int32()))
    pq.write_table(loose.append_column("extra", [[1, 2, 3]]), tmp_path / "artworks.parquet")
    read = Catalogue.read(tmp_path).artworks
    assert read.drop(["own"]) == artworks.drop(["own"])
    assert own_names(read["own"].combine_chunks()) == ["extra"]
    pq.write_table(artworks.drop(["path"]), tmp_path / "artworks.parquet")
    with pytest.raises(BadInput, match=r"column path: the column is missing \(string\)"):
        Catalogue.read(tmp_path)
    words = artworks.set_column(1, "title_id", pa.array(["one", "one", "two"]))
    pq.write_table(words, tmp_path / "artworks.parquet")
    with pytest.raises(
        BadInput,
        match=r"artworks.parquet, column title_id: title ids are text, and those of titles",
    ):
        Catalogue.read(tmp_path)
    pq.write_table(
        artworks.set_column(2, "path", pa.array(["a", None, "c"])), tmp_path / "artworks.parquet"
    )
    with pytest.raises(BadInput, match=r"column path, row 1: null"):
        Catalogue.read(tmp_path)


def test_embeddings_stand_in_for_images(tmp_path: Path):
    catalogue = Catalogue.read(written(tmp_path, *TWO))
    assert catalogue.embeddings is None
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.save(tmp_path / "embeddings.npy", rows)
    np.testing.assert_array_equal(Catalogue.read(tmp_path).embeddings, rows)
    for wrong, why in (
        (rows[:2], "one row for each of the 3 rows"),
        (rows.astype(np.float64), "must be float32"),
        (np.where(rows == 3, np.nan, rows), "row 1: a value is not finite"),
        (np.where(rows == 4, -1e20, rows).astype(np.float32), "row 2: .* 1e\\+15 or more"),
    ):
        np.save(tmp_path / "embeddings.npy", wrong)
        with pytest.raises(BadInput, match=why):
            _ = Catalogue.read(tmp_path).embeddings
