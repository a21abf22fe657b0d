"""The truth of draws against members who are played out many times."""

import numpy as np
import pytest
from scipy.special import expit

from bench.propensities.looks import ENGAGED_US, Looks, values_of_draws
from simulate.visits.draw_takes import WINDOW_US

HOUR = 3_600_000_000


def looks_of(times, draws, ranks, rendered, logit, enjoy, before=None, last_draw=None):
    """Looks of one member at one title."""
    count = len(times)
    none = np.full(count, -1)
    return Looks(
        np.array(times),
        np.zeros(count, int),
        np.zeros(count, int),
        np.array(draws),
        np.array(ranks),
        np.array(rendered),
        none if before is None else np.array(before),
        none if last_draw is None else np.array(last_draw),
        np.array(logit, float),
        np.tile(enjoy, (count, 1)),
    )


def played_out(logit, enjoy, shown, cost, many=400_000):
    """Share of members who take a title that one draw shows on all pages."""
    rng = np.random.default_rng(0)
    left, took = np.ones(many, bool), np.zeros(many, bool)
    for at, row in enumerate(logit):
        changed = at == 0 and cost
        plays = left & (rng.random(many) < expit(row[shown] - (cost if changed else 0.0)))
        took |= plays & (rng.random(many) < enjoy[shown])
        left &= ~plays
    return took.mean()


@pytest.mark.parametrize("cost", [0.0, 1.5])
def test_the_worth_of_a_draw_is_what_members_do_who_look_until_they_play(cost):
    logit = np.array([[-1.0, 0.5], [-0.4, 0.2], [-2.0, 1.0]])
    enjoy = np.array([0.7, 0.4])
    # Rank 1 was seen last, under another draw: rank 0 is a change at first, and no more later.
    looks = looks_of(
        *([0, HOUR, 30 * HOUR], [5, 5, 5], [1, 1, 1], [True, True, False], logit, enjoy),
        before=[1, 1, 1],
        last_draw=[4, 5, 5],
    )
    [worth] = values_of_draws(looks, cost).values()
    assert worth[0] == pytest.approx(played_out(logit, enjoy, 0, cost), abs=0.003)
    assert worth[1] == pytest.approx(played_out(logit, enjoy, 1, 0.0), abs=0.003)


def test_what_comes_after_the_window_is_worth_nothing():
    logit, enjoy = np.zeros((2, 2)), np.array([1.0, 1.0])
    late = WINDOW_US - ENGAGED_US + 1
    within = values_of_draws(looks_of([0, late - 1], [1, 1], [0, 0], [True, True], logit, enjoy), 0)
    after = values_of_draws(looks_of([0, late], [1, 1], [0, 0], [True, True], logit, enjoy), 0)
    assert within[1].tolist() == [0.75, 0.75]
    assert after[1].tolist() == [0.5, 0.5]


def test_a_title_that_another_draw_may_have_won_is_worth_less():
    logit, enjoy = np.zeros((3, 2)), np.array([1.0, 1.0])
    looks = looks_of([0, 1, 2], [1, 2, 1], [0, 1, 0], [True] * 3, logit, enjoy)
    worth = values_of_draws(looks, 0.0)
    assert worth[1].tolist() == [0.5 + 0.125] * 2  # at once, or after both looked away
    assert worth[2].tolist() == [0.5] * 2  # given that it was looked at
