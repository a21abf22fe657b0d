"""Predicted takes brought to what happens: spread and level both."""

import numpy as np
import pytest

from bandit.take_probability import mean_take_probability
from data.calibration_error import calibration_error
from model.training.calibrate import fitted


@pytest.mark.parametrize(("temperature", "level"), [(1.0, 0.4), (2.0, -0.3), (0.6, 0.0)])
def test_temperature_and_level_are_found_again(temperature, level):
    rng = np.random.default_rng(1)
    heads = rng.normal(-1.5, 1.0, (200_000, 1)) + rng.normal(0, 0.2, (200_000, 8))
    chance = mean_take_probability(heads + level, temperature=temperature)
    reward = (rng.random(len(chance)) < chance).astype(np.float32)
    found = fitted(heads, reward)
    assert found == pytest.approx((temperature, level), abs=0.06)
    told = mean_take_probability(heads + found[1], temperature=found[0])
    assert calibration_error(told, reward).error < 0.004
    assert abs(told.mean() - reward.mean()) < 1e-3
