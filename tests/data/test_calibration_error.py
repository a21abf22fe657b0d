"""Predictions are held against what happens, whoever asks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.calibration_error import calibration_error, equal_bins, error_of_gaps


def test_predictions_that_are_too_high_are_far_from_what_happens():
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.05, 0.3, 100_000)
    reward = (rng.random(len(chance)) < chance).astype(float)
    assert calibration_error(chance, reward) < 0.01
    assert calibration_error(chance + 0.05, reward) == pytest.approx(0.05, abs=0.005)


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 20))
def test_bins_hold_every_row_once_in_order_and_as_many_as_each_other(seed, count, bins):
    predicted = np.random.default_rng(seed).integers(0, 9, count) / 9
    parts = equal_bins(predicted, bins)
    rows = np.concatenate(parts)
    assert sorted(rows) == list(range(count))
    assert (np.diff(predicted[rows]) >= 0).all()
    sizes = [len(part) for part in parts]
    assert len(parts) == min(bins, count)
    assert max(sizes) - min(sizes) <= 1


def test_gaps_of_both_signs_do_not_cancel():
    assert error_of_gaps(np.array([3.0, -1.0]), 8) == 0.5
