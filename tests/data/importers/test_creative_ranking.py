"""Alimama's CreativeRanking, on a small set in its format."""

from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data.catalogue import Catalogue
from data.check.examples import read_examples
from data.check.path import check_path
from data.errors import BadInput
from data.images.cache import image_cache
from data.importers.creative_ranking import creative_ranking, read_creative_ranking
from data.records import EXAMPLES

TRAIN = [
    ("600", "cup.jpg", "20200701", 40, 5),
    ("600", "mug.jpg", "20200701", 30, 1),
    ("600", "cup.jpg", "20200702", 10, 0),
    ("600", "mug.jpg", "20200702", 0, 0),
    ("700", "cup.jpg", "20200702", 8, 8),
]
TEST = [("800", f"{n}.jpg", "20200703", 3, 1) for n in ("hat", "cap", "bow")]


def source(folder: Path, train: list[tuple] = TRAIN, test: list[tuple] = TEST) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("test", test)):
        lines = ["\t".join(map(str, row)) + "\n" for row in rows]
        (folder / f"{name}_data_list.txt").write_text("".join(lines))
    for i, image in enumerate(sorted({row[1] for row in train + test})):
        Image.new("RGB", (80, 80), (40 * i, 0, 0)).save(folder / "images" / image)
    return folder


def test_every_impression_becomes_an_example(tmp_path: Path):
    read = read_creative_ranking(source(tmp_path), ["train_data_list.txt", "test_data_list.txt"])
    assert read.examples.schema == EXAMPLES
    counts: Counter = Counter()
    clicks: Counter = Counter()
    rows = read.examples.select(["action", "time", "reward", "candidates", "propensity"])
    for row in rows.to_pylist():
        key = (row["action"], f"{row['time']:%Y%m%d}")
        counts[key] += 1
        clicks[key] += row["reward"]
        assert row["action"] in row["candidates"]
        assert row["propensity"] == pytest.approx(1 / len(row["candidates"]))
    for item, image, day, shown, clicked in TRAIN + TEST:
        key = (f"{item}/{image}", day)
        assert (counts[key], clicks[key]) == (shown, clicked)
    ids = read.examples["decision_id"].to_pylist()
    assert len(set(ids)) == len(ids)


def test_products_are_titles_and_creatives_their_artwork(tmp_path: Path):
    read = read_creative_ranking(source(tmp_path), ["train_data_list.txt"])
    assert read.titles["name"].to_pylist() == ["600", "700"]
    assert read.titles["launch_day"].to_pylist() == [date(2020, 7, 1), date(2020, 7, 2)]
    assert read.artworks["artwork_id"].to_pylist() == ["600/cup.jpg", "600/mug.jpg", "700/cup.jpg"]
    images = ["images/cup.jpg", "images/mug.jpg", "images/cup.jpg"]
    assert read.artworks["path"].to_pylist() == images
    np.testing.assert_allclose(read.titles["popularity"].to_numpy(), [80 / 88, 8 / 88], rtol=1e-6)


def test_what_is_imported_passes_the_check(tmp_path: Path):
    result = creative_ranking(source(tmp_path / "in"), tmp_path / "out")
    assert result["impressions"] == 97
    assert result["click_rate"] == pytest.approx(17 / 97)
    assert check_path(tmp_path / "out" / "catalogue") == []
    assert check_path(tmp_path / "out" / "examples") == []
    catalogue = Catalogue.read(tmp_path / "out" / "catalogue")
    cache = image_cache(catalogue, tmp_path / "cache", quiet=True)
    assert len(cache.images) == 5  # two products share a picture
    assert read_examples(tmp_path / "out" / "examples", catalogue.artwork_ids).num_rows == 97
    assert creative_ranking(tmp_path / "in", tmp_path / "out") == result
    with pytest.raises(BadInput, match="images of another source"):
        creative_ranking(source(tmp_path / "other"), tmp_path / "out")


def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = read_creative_ranking(source(tmp_path)).examples
    monkeypatch.setattr("data.importers.creative_ranking.CHUNK", 10)
    parts = read_creative_ranking(tmp_path).examples
    assert parts.sort_by("decision_id") == whole.sort_by("decision_id")
    assert whole["time"].to_pylist() == sorted(whole["time"].to_pylist())


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.2, 0.8), seed=st.integers(0, 9))
def test_a_share_keeps_the_click_rate(tmp_path_factory, share: float, seed: int):
    folder = tmp_path_factory.mktemp("share")
    many = [("1", "a.jpg", "3", 4000, 2000), ("1", "b.jpg", "3", 4000, 400)]
    source(folder, many)
    read, again = (
        read_creative_ranking(folder, ["train_data_list.txt"], share=share, seed=seed).examples
        for _ in range(2)
    )
    assert read == again
    assert abs(read.num_rows - 8000 * share) < 250
    reward, action = read["reward"].to_numpy(), np.array(read["action"].to_pylist())
    assert reward[action == "1/a.jpg"].mean() == pytest.approx(0.5, abs=0.08)
    assert read["time"][0].as_py().date() == date(2020, 7, 4)


def test_missing_images_are_refused_or_dropped(tmp_path: Path):
    (source(tmp_path) / "images" / "mug.jpg").unlink()
    with pytest.raises(BadInput, match=r"1 of 6 creatives have no image, such as images/mug\.jpg"):
        read_creative_ranking(tmp_path)
    read = read_creative_ranking(tmp_path, skip_missing=True)
    assert read.dropped == 1
    first = read.examples.filter(
        np.array([a == "600/cup.jpg" for a in read.examples["action"].to_pylist()])
    )
    assert set(first["propensity"].to_pylist()) == {1.0}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("1", "a.jpg", "20200701", 3, 4), "row 0: 4 clicks of 3 impressions"),
        (("1", "a.jpg", "20200701", 3, -1), "row 0: -1 clicks"),
        (("1", "a.jpg", "July", 3, 1), "day 'July' is none"),
        (("1", "a.jpg", "20201301", 3, 1), "day '20201301' is none"),
        (("1", "a.jpg", "20200701", "many", 1), "is not a list of product"),
        (("1", "a.jpg", "20200701"), "is not a list of product"),
    ],
)
def test_a_wrong_line_is_refused(tmp_path: Path, row: tuple, message: str):
    with pytest.raises(BadInput, match=message):
        read_creative_ranking(source(tmp_path, [row], []), ["train_data_list.txt"])


def test_a_wrong_folder_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="holds no folder images"):
        read_creative_ranking(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(BadInput, match="holds no \\*list"):
        read_creative_ranking(tmp_path)
    with pytest.raises(BadInput, match=r"none\.txt is missing"):
        read_creative_ranking(tmp_path, ["none.txt"])
    with pytest.raises(BadInput, match="share is 0"):
        read_creative_ranking(source(tmp_path), share=0.0)
