"""How much heads explore, by what keeps coming."""

import numpy as np
import pytest

from model.training.exploring import arrivals_a_day, exploring_share
from model.training.settings import RandomEffects


def test_arrivals_are_those_of_shown_artwork_after_the_first_day():
    added = np.array([10, 10, 10, 10, 20, 20, 21, 22, 25, 40])
    shown = np.array([9, 9, 9, 0, 9, 9, 9, 9, 9, 9])
    # Days 20 … 24: of nine that were shown, two came after day 20; day 25 is past the log.
    assert arrivals_a_day(added, shown, 24, 5) == pytest.approx(2 / 9 / 4)


@pytest.mark.parametrize(("shown", "days"), [([0, 0], 5), ([3, 3], 1)])
def test_nothing_shown_or_one_day_has_no_arrivals(shown, days):
    assert arrivals_a_day(np.array([1, 2]), np.array(shown), 3, days) == 0


def test_heads_explore_more_where_artwork_keeps_coming_and_as_told_where_they_are_told():
    assert exploring_share(0.05) > exploring_share(0.005) == exploring_share(0) > 0
    assert RandomEffects(posterior_scale=0.7).share(0.05) == 0.7
