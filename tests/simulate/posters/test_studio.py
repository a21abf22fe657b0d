from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data.errors import BadInput
from simulate.named_rng import named_generator
from simulate.posters.brief import COMPOSITIONS, Brief, drawn_brief
from simulate.posters.studio import render, render_all

BRIEF = Brief(3, "Copper Sky", ("birds-crow",), "close-up", 0.7, 0.6, 0.8, 0.0)


@pytest.fixture(scope="module")
def files(subjects):
    return dict(zip(subjects.names, subjects.files, strict=True))


def pixels(brief, files, width=160):
    return np.asarray(render(brief, files, width)[0], np.float32)


@pytest.mark.parametrize("width", [96, 320])
def test_posters_are_sixteen_to_nine(files, width):
    poster, _ = render(BRIEF, files, width)
    assert poster.mode == "RGB"
    assert poster.size == (width, width * 9 // 16)


def test_a_brief_always_gives_the_same_pixels(files):
    assert (pixels(BRIEF, files) == pixels(BRIEF, files)).all()
    assert (pixels(BRIEF, files) != pixels(replace(BRIEF, seed=4), files)).any()


def test_files_do_not_depend_on_the_number_of_processes(files, subjects, tmp_path):
    briefs = [
        drawn_brief(named_generator(i), i, "Tidewater", subjects.names[i % 150 : i % 150 + 4], 0)
        for i in range(200)
    ]
    shown, written = [], []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        paths = [folder / f"{i}.webp" for i in range(len(briefs))]
        shown.append(list(render_all(briefs, files, paths, 64, workers)))
        written.append([path.read_bytes() for path in paths])
    assert shown[0] == shown[1]
    assert written[0] == written[1]


def test_what_is_shown_adds_up_and_the_larger_subject_weighs_more(files):
    brief = replace(BRIEF, subjects=("birds-crow", "food-mandarine"), composition="wide")
    for seed in range(10):
        _, shown = render(replace(brief, seed=seed, closeness=-0.8), files)
        assert shown.subjects == brief.subjects
        assert sum(shown.weights) == pytest.approx(1)
        assert min(shown.weights) > 0


def test_style_can_be_seen_in_the_pixels(files):
    def mean(**style):
        posters = [pixels(replace(BRIEF, seed=s, **style), files) for s in range(12)]
        return np.mean(posters, axis=(0, 1, 2))

    warm, cool = mean(warmth=0.8), mean(warmth=-0.8)
    assert warm[0] - warm[2] > cool[0] - cool[2] + 40
    assert mean(brightness=0.8).mean() > mean(brightness=-0.8).mean() + 40


@pytest.mark.parametrize(
    "wrong",
    [{"composition": "cubist"}, {"subjects": ()}, {"warmth": 1.5}, {"closeness": float("nan")}],
)
def test_impossible_briefs_are_refused(wrong):
    with pytest.raises(BadInput):
        replace(BRIEF, **wrong)


def test_compositions_show_one_or_many(subjects):
    rng = named_generator("compositions")
    briefs = [drawn_brief(rng, i, "A", subjects.names[:4], 1) for i in range(300)]
    assert {b.composition for b in briefs} == set(COMPOSITIONS)
    for brief in briefs:
        assert brief.subjects[0] == subjects.names[1]
        assert (len(brief.subjects) > 1) or brief.composition != "ensemble"
        assert (brief.closeness > 0.3) == (brief.composition == "close-up")


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_a_broken_cut_out_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.webp"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"broken\.webp"):
        render(BRIEF, {"birds-crow": path})


def test_a_transparent_cut_out_is_refused_by_name(tmp_path):
    path = tmp_path / "nothing.png"
    Image.new("RGBA", (9, 9)).save(path)
    with pytest.raises(BadInput, match="wholly transparent"):
        render(BRIEF, {"birds-crow": path})
