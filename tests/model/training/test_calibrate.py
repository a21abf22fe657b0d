"""Predicted takes brought to what happens: spread and level both."""

import numpy as np
import pytest

from model.training.calibrate import calibration_error, fitted, take_probability


@pytest.mark.parametrize(("temperature", "level"), [(1.0, 0.4), (2.0, -0.3), (0.6, 0.0)])
def test_temperature_and_level_are_found_again(temperature, level):
    rng = np.random.default_rng(1)
    heads = rng.normal(-1.5, 1.0, (200_000, 1)) + rng.normal(0, 0.2, (200_000, 8))
    chance = take_probability(heads + level, temperature)
    reward = (rng.random(len(chance)) < chance).astype(np.float32)
    found = fitted(heads, reward)
    assert found == pytest.approx((temperature, level), abs=0.06)
    told = take_probability(heads + found[1], found[0])
    assert calibration_error(told, reward) < 0.004
    assert abs(told.mean() - reward.mean()) < 1e-3


def test_predictions_that_are_too_high_are_far_from_what_happens():
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.05, 0.3, 100_000)
    reward = (rng.random(len(chance)) < chance).astype(float)
    assert calibration_error(chance, reward) < 0.01
    assert calibration_error(chance + 0.05, reward) == pytest.approx(0.05, abs=0.005)
