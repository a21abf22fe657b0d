"""What an image adds: exact where predictions hold, drawn to what is known where they do not."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluate.new_artwork.foresight import Belief, Foresight, Slopes
from evaluate.new_artwork.value import (
    TitleToday,
    greedy_order,
    probability_of_best,
    ratio_range,
    shrunk_differences,
)

takes = st.integers(1, 9).flatmap(
    lambda members: st.tuples(st.integers(1, 4), st.integers(2, 6)).flatmap(
        lambda shape: arrays(np.float64, (members, *shape), elements=st.floats(0.01, 0.99))
    )
)
BELIEVED = Foresight(
    shift=Belief(0.0, 0.0),
    slope=Belief(1.0, 0.0),
    personal=Slopes(np.ones(2), np.zeros((2, 2))),
    known_slope=1.0,
    spread=0.3,
    known_rest=0.1,
    own_rest=0.4,
    predicted_spread=0.1,
    artworks=20,
)


def title(values, foresight=BELIEVED, scale=1.0):
    mean = values.mean(1)
    levels = mean.mean(0) / mean.mean() - 1
    doubts = np.zeros(len(levels))
    return TitleToday(values, Belief(scale, 0.0), levels, doubts, foresight, 0.1, np.inf)


@given(takes, st.floats(0.5, 2))
def test_predictions_that_hold_add_what_they_are_over_the_best(values, scale):
    today, image = title(values[:, :, :-1], scale=scale), values[:, :, -1].mean(1)
    over = np.maximum(image - values[:, :, :-1].mean(1).max(1), 0)
    assert today.adds(image).value() == pytest.approx(scale * over.mean(), abs=1e-12)
    plain = title(values[:, :, :-1])
    assert today.take.value == pytest.approx(scale * plain.take.value)


@given(takes)
def test_an_image_of_which_nothing_is_believed_is_average_to_everybody(values):
    none = Slopes(np.zeros(2), np.zeros((2, 2)))
    nothing = replace(BELIEVED, slope=Belief(0.0, 0.0), personal=none)
    today = title(values[:, :, :-1], nothing)
    expected = today.new(values[:, :, -1].mean(1)[:, None])[:, 0]
    np.testing.assert_allclose(expected, today.everyone)


@given(takes)
def test_members_who_prefer_what_there_is_gain_nothing(values):
    today, image = title(values[:, :, :-1]), values[:, :, -1].mean(1)
    added = today.adds(image)
    stay = image <= values[:, :, :-1].mean(1).max(1)
    assert (added.gains[stay] == 0).all()
    assert (added.exposure[stay] == 0).all()


def test_the_less_is_known_the_wider_is_what_an_image_adds():
    rng = np.random.default_rng(5)
    values = rng.uniform(0.05, 0.2, (200, 4, 5))
    image = rng.uniform(0.05, 0.25, (200, 4))
    widths = []
    for spread in (0.1, 0.3, 0.6):
        today = title(values, replace(BELIEVED, spread=spread, own_rest=1.3 * spread))
        level = today.level(image)
        widths.append(today.doubt(today.adds(image.mean(1)), level, slice(None)))
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_heads_that_doubt_more_than_artworks_differ_are_heard():
    rng = np.random.default_rng(6)
    values = rng.uniform(0.1, 0.12, (50, 20, 3))
    sure, torn = (0.11 + d * rng.standard_normal(20) * np.ones((50, 1)) for d in (0.0, 0.06))
    today = title(values)
    assert today.level(torn).deviation > today.level(sure).deviation


@given(takes)
def test_gains_never_rise_along_the_greedy_order(values):
    expected = values.mean(1)
    steps = greedy_order(expected)
    gains = [gain for *_, gain in steps]
    assert sorted(artwork for artwork, *_ in steps) == list(range(values.shape[2]))
    assert all(a >= b - 1e-12 for a, b in pairwise(gains))
    np.testing.assert_allclose(np.cumsum(gains), [value for _, value, _ in steps])
    np.testing.assert_allclose(steps[-1][1], expected.max(-1).mean())


@given(takes)
def test_probabilities_of_best_of_all_images_sum_to_one(values):
    values = values + np.arange(values.shape[2]) * 1e-7  # no ties
    every = np.arange(values.shape[2])
    total = sum(probability_of_best(values, np.delete(every, at), at) for at in every)
    assert total == pytest.approx(1)


def test_an_image_that_equals_what_is_there_is_best_half_the_time():
    assert probability_of_best(np.full((5, 3, 2), 0.3), np.array([0]), 1) == 0.5


def test_differences_that_are_noise_shrink_to_the_whole_and_others_stay():
    rng = np.random.default_rng(7)
    noise = rng.standard_normal(30)
    shrunk, _ = shrunk_differences(noise, np.ones(30))
    assert np.abs(shrunk).max() < 0.5 * np.abs(noise).max()
    strong = 10 * rng.standard_normal(30)
    shrunk, doubts = shrunk_differences(strong, np.ones(30))
    np.testing.assert_allclose(shrunk, strong, rtol=0.1)
    assert (doubts <= 1).all()
    nothing, _ = shrunk_differences(np.zeros(0), np.zeros(0))
    assert not len(nothing)


def test_a_ratio_is_never_below_zero():
    assert ratio_range(Belief(-0.5, 0.8)).low == 0
    wide, narrow = ratio_range(Belief(0.2, 0.1), 0.2), ratio_range(Belief(0.2, 0.1))
    assert wide.high - wide.low > narrow.high - narrow.low
