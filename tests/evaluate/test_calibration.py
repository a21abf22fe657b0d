"""Bins of a calibration curve, their intervals and their error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.calibration import CalibrationCurve


@given(st.integers(0, 2**32 - 1), st.integers(20, 3000))
def test_calibration_bins_hold_all_impressions_and_their_takes(seed, count):
    rng = np.random.default_rng(seed)
    predicted = rng.random(count)
    reward = (rng.random(count) < predicted).astype(float)
    found = CalibrationCurve.of(predicted, reward)
    assert found.count.sum() == count
    assert (np.diff(found.predicted) >= 0).all()
    assert (found.actual * found.count).sum() == pytest.approx(reward.sum())
    assert (found.low <= found.actual + 1e-12).all()
    assert (found.actual <= found.high + 1e-12).all()


def test_calibration_error_is_the_distance_of_prediction_and_truth():
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.1, 0.5, 200_000)
    reward = (rng.random(len(truth)) < truth).astype(float)
    assert CalibrationCurve.of(truth, reward).gap.error < 0.002
    off = CalibrationCurve.of(truth + 0.1, reward).gap
    assert off.low < 0.1 < off.high < 0.11
