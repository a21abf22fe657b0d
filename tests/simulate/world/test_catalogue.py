import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.check.command import check
from data.errors import BadInput
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.drawn_posters import STEADY
from simulate.world.titles import START

ROOT = Path(__file__).parents[3]


def test_a_rendered_catalogue_passes_the_check(catalogue):
    assert check(catalogue).count == 0
    read = Catalogue.read(catalogue)
    assert read.titles.num_rows == 30
    assert read.artworks.num_rows == 150


def test_the_same_seed_gives_the_same_files(catalogue, subjects, tmp_path):
    again = tmp_path / "again"
    write_catalogue(subjects, 30, 5, seed=11, out=again, rendering=Rendering(width=96, workers=1))
    for path in sorted(p for p in catalogue.rglob("*") if p.is_file()):
        assert (again / path.relative_to(catalogue)).read_bytes() == path.read_bytes()


def test_titles_have_a_cast_of_two_to_four_and_mostly_its_genres(catalogue, subjects):
    theme = dict(zip(subjects.names, subjects.themes_of, strict=True))
    extra = 0
    for title in Catalogue.read(catalogue).titles.to_pylist():
        assert 2 <= len(set(title["cast"])) == len(title["cast"]) <= 4
        shown = {theme[name] for name in title["cast"]}
        assert shown <= set(title["genres"])
        extra += len(set(title["genres"]) - shown)
    assert extra < 15


def test_popularity_goes_from_head_to_tail(catalogue):
    shares = sorted(Catalogue.read(catalogue).titles["popularity"].to_pylist(), reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert shares[0] > 10 * shares[-1]


def test_artwork_comes_and_goes_but_never_all_of_it(catalogue):
    read = Catalogue.read(catalogue)
    days = {day for day in read.artworks["added_day"].to_pylist() if day > START}
    assert days
    assert read.artworks["withdrawn_day"].null_count < read.artworks.num_rows
    for title in read.titles.to_pylist():
        for day in {title["launch_day"], *days}:
            if day >= title["launch_day"]:
                live = read.candidates(title["title_id"], day)
                assert len(live) >= STEADY
                assert title["default_artwork_id"] in live


def test_about_half_the_artworks_are_tagged(catalogue):
    artworks = Catalogue.read(catalogue).artworks
    share = artworks["tone"].null_count / artworks.num_rows
    assert 0.3 < share < 0.7
    assert artworks["cast_shown"].null_count == artworks["tone"].null_count


def test_honest_posters_show_the_cast_and_misleading_ones_do_not(catalogue):
    cast = {t["title_id"]: set(t["cast"]) for t in Catalogue.read(catalogue).titles.to_pylist()}
    truth = pq.read_table(catalogue / "truth" / "artworks.parquet").to_pylist()
    for artwork in truth:
        assert (set(artwork["subjects"]) <= cast[artwork["title_id"]]) != artwork["misleading"]
    assert 0.03 < sum(a["misleading"] for a in truth) / len(truth) < 0.25


@pytest.mark.parametrize(
    "wrong",
    [{"titles": 0}, {"artworks": 0}, {"arrivals": 2.0}],
)
def test_bad_numbers_are_refused_before_anything_is_written(subjects, tmp_path, wrong):
    options = {"titles": 2, "artworks": 2, "seed": 1, "out": tmp_path / "new"} | wrong
    with pytest.raises(BadInput, match=f"--{next(iter(wrong))} "):
        write_catalogue(subjects, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [({"width": 8}, "--width 8"), ({"image_format": "svg"}, "--image-format svg")],
)
def test_posters_that_cannot_be_rendered_are_refused(wrong, complaint):
    with pytest.raises(BadInput, match=complaint):
        Rendering(**wrong)


def test_a_broken_cut_out_leaves_nothing_behind(subjects, tmp_path):
    path = tmp_path / "cut.webp"
    path.write_bytes(subjects.files[0].read_bytes()[:300])
    pair = subjects.only((), subjects.names[:2])
    broken = type(pair)(pair.names, pair.themes_of, (path, path))
    with pytest.raises(BadInput, match=r"cut\.webp"):
        write_catalogue(broken, 2, 2, 1, tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["cut.webp"]


def run(*options):
    return subprocess.run(
        [sys.executable, "-m", "simulate", *map(str, options)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_make_a_catalogue_and_a_log(tmp_path, subjects):
    made = run(
        "catalogue",
        "--subjects",
        "sample/artwork",
        "--titles",
        6,
        "--artworks",
        3,
        "--width",
        64,
        "--exclude-subjects",
        subjects.names[0],
        "--out",
        tmp_path / "c",
        "--json",
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["subjects"] == len(subjects.names) - 1
    logged = run(
        "log",
        "--catalogue",
        tmp_path / "c",
        "--members",
        20,
        "--days",
        2,
        "--decisions-per-day",
        100,
        "--policy",
        "epsilon",
        "--out",
        tmp_path / "l",
        "--json",
    )
    assert logged.returncode == 0, logged.stderr
    assert json.loads(logged.stdout)["decisions"] == 200
    assert check(tmp_path / "l", catalogue=tmp_path / "c").count == 0
    again = run("log", "--catalogue", tmp_path / "c", "--out", tmp_path / "l")
    assert again.returncode == 2
    assert "not empty" in again.stderr
    assert "Traceback" not in again.stderr
