import numpy as np
import pytest
import torch

from model.heads.level_doubt import LevelDoubt
from model.training.traffic import LEAST_SCALE, MOST_SCALE, WEEK, Traffic, posterior_scale


def lasting(per_day=100, titles=5, days=10.0):
    """A catalogue in which nothing is replaced; every title has so many impressions a day."""
    of_title = np.repeat(np.arange(titles), 4)
    impressions = np.full(len(of_title), int(per_day * days / 4))
    none = np.zeros(len(of_title))
    return Traffic(of_title, impressions, none, none + 1, days)


def renewed(share, days=20, slots=400, rare=False, seed=0):
    """The log of one title, a share of whose artworks is replaced every day."""
    rng = np.random.default_rng(seed)
    at, count = np.arange(slots), slots
    impressions, first = np.zeros(40 * slots, int), np.full(40 * slots, -1.0)
    last = first.copy()
    for day in range(days):
        new = rng.random(slots) < share * (day > 0)
        at = np.where(new, count + np.cumsum(new) - 1, at)
        count += int(new.sum())
        shown = at[rng.random(slots) < 0.1] if rare else np.repeat(at, 3)
        first[shown] = np.where(first[shown] < 0, day / days, first[shown])
        last[shown] = (day + 1) / days
        np.add.at(impressions, shown, 1)
    seen = impressions > 0
    return Traffic(
        np.zeros(seen.sum(), int), impressions[seen], first[seen], last[seen], float(days)
    )


def doubt(deviation=0.2, reading=1.0, artworks=20):
    levels = torch.full((artworks, 4), deviation / 2)
    return LevelDoubt(levels, torch.ones(artworks), torch.zeros(3, 4), deviation, reading)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.15])
def test_how_much_a_day_replaces_is_found(share):
    found = np.mean([renewed(share, seed=seed).renewal for seed in range(5)])
    assert found == pytest.approx(share, rel=0.3)


def test_artwork_that_is_seldom_shown_is_not_taken_for_new():
    assert renewed(0.0).renewal == 0
    assert renewed(0.0, rare=True).renewal < 0.01


def test_a_title_is_to_have_as_much_as_it_gets_while_its_artwork_lasts():
    assert lasting(100).expected == pytest.approx(100 * (10 + WEEK))
    assert lasting(300).expected == pytest.approx(300 * (10 + WEEK))
    steady = renewed(0.05, days=200)
    assert steady.expected == pytest.approx(3 * 400 / 0.05, rel=0.2)


def test_more_is_explored_the_more_is_to_come_and_the_less_is_known():
    few, many = lasting(300), lasting(1200)
    scale = posterior_scale(many, doubt(), 0.1)
    assert posterior_scale(few, doubt(), 0.1) < scale
    assert posterior_scale(many, doubt(deviation=0.1), 0.1) < scale
    assert posterior_scale(many, doubt(reading=2.0), 0.1) < scale
    assert posterior_scale(many, doubt(), 0.05) < scale


def test_neither_nothing_nor_all_of_the_doubt_is_explored():
    for deviation in (0.0, 1e-4):
        assert posterior_scale(lasting(1), doubt(deviation), 0.1) == LEAST_SCALE
    assert posterior_scale(lasting(10**7), doubt(), 0.1) == MOST_SCALE
