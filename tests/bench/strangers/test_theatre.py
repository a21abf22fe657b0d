"""The theatre's truth is what its log says, and its posters differ by what they show."""

import numpy as np
import pytest
from PIL import Image

from bench.strangers.covers import draw_posters, play_name
from bench.strangers.world import Theatre, TheatreSize

SIZE = TheatreSize(plays=6, posters=4, visitors=400, rows=60_000, base=0.2)


@pytest.fixture(scope="module")
def theatre():
    return Theatre(SIZE, 1)


def test_rewards_are_worth_what_the_truth_says(theatre):
    rows = theatre.rows()
    takes = theatre.takes(rows.visitor, rows.play)
    shown = takes[np.arange(len(takes)), rows.shown]
    assert set(np.unique(rows.reward)) == {0.0, 0.5, 1.0}
    for part in (rows.drawn, ~rows.drawn):
        error = rows.reward[part].std() / part.sum() ** 0.5
        assert abs(rows.reward[part].mean() - shown[part].mean()) < 4 * error
    assert rows.drawn.mean() == pytest.approx(0.1, abs=0.01)
    picked = theatre.picked(rows.visitor, rows.play)
    assert (rows.shown == picked)[~rows.drawn].all()
    assert np.bincount(rows.shown[rows.drawn]) / rows.drawn.sum() == pytest.approx(0.25, abs=0.03)


def test_who_looks_matters(theatre):
    visitors = np.arange(SIZE.visitors)
    takes = theatre.takes(visitors, np.zeros(SIZE.visitors, int))
    assert takes.max(1).mean() > 1.2 * takes.mean(0).max()


def test_posters_are_portraits_whose_palette_can_be_seen(theatre, tmp_path):
    draw_posters(theatre, tmp_path)
    means = []
    for poster in range(SIZE.plays * SIZE.posters):
        play, place = divmod(poster, SIZE.posters)
        with Image.open(tmp_path / play_name(play) / f"poster {place + 1}.jpg") as image:
            assert image.height > image.width
            means.append(np.asarray(image, float).mean())
    palette = theatre.posters.palette
    assert np.mean(np.array(means)[palette == 2]) > 2 * np.mean(np.array(means)[palette == 3])
