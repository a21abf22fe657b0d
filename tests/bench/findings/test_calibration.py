import numpy as np
import pytest

from bench.findings.calibration_error import TooFew, error_of
from bench.findings.impressions import BrowsedImpressions
from bench.seed_statistics import mean_of, ratio_of


def shown(off, count=30_000, seed=0):
    rng = np.random.default_rng(seed)
    expected = rng.uniform(0.05, 0.4, count)
    return BrowsedImpressions(
        predicted=expected + off,
        reward=(rng.random(count) < expected).astype(float),
        expected=expected,
        profile=rng.integers(0, 500, count),
        new=np.arange(count) % 3 == 0,
    )


def test_the_truth_has_no_error_but_what_is_left_of_chance():
    found = error_of(shown(0.0))
    assert found.exact == pytest.approx(0, abs=1e-12)
    assert found.interval[0] == 0
    assert found.noise < 0.005


def test_predictions_that_are_off_have_that_error():
    found = error_of(shown(0.05))
    assert found.exact == pytest.approx(0.05)
    low, high = found.interval
    assert low < found.error < high
    assert low < 0.05 < high
    np.testing.assert_allclose(found.gaps, 0.05)


def test_gaps_of_both_signs_do_not_cancel():
    one = shown(0.0)
    tilted = BrowsedImpressions(
        0.5 * one.expected + 0.1125, one.reward, one.expected, one.profile, one.new
    )
    assert error_of(tilted).exact > 0.03
    assert tilted.predicted.mean() == pytest.approx(one.expected.mean(), abs=0.002)


def test_too_few_impressions_have_no_error():
    assert error_of(shown(0.0, 10)) == TooFew(10)


def test_a_part_keeps_its_rows_together_and_people_of_two_parts_apart():
    one = shown(0.0, 60)
    some = one.part(one.new)
    np.testing.assert_array_equal(some.reward, one.reward[::3])
    both = BrowsedImpressions.together([one, one])
    assert len(np.unique(both.profile)) == 2 * len(np.unique(one.profile))


def test_intervals_over_seeds_are_students():
    mean = mean_of([1.0, 2.0, 3.0])
    assert mean.interval == pytest.approx([2 - 2.484, 2 + 2.484], abs=1e-3)
    ratio = ratio_of([2.0, 8.0], [1.0, 2.0])
    assert ratio.mean == pytest.approx(8**0.5)
    assert ratio.by_seed == pytest.approx([2, 4])
