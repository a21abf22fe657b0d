"""Predictions are held against what happens, whoever asks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.calibration_error import calibration_error, equal_bins, error_of_sums


def test_predictions_that_are_too_high_are_far_from_what_happens():
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.05, 0.3, 100_000)
    reward = (rng.random(len(chance)) < chance).astype(float)
    assert calibration_error(chance, reward).error < 0.005
    assert calibration_error(chance + 0.05, reward).error == pytest.approx(0.05, abs=0.005)


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
    predicted, reward = np.array([30_000.0, 10_000.0]), np.array([20_000.0, 20_000.0])
    found = error_of_sums(predicted, reward, np.full(2, 100_000.0))
    assert found.error == pytest.approx(0.1, abs=1e-4)


@pytest.mark.parametrize("profiles", [None, 400])
def test_chance_adds_nothing_to_the_error_of_few_decisions(profiles):
    """Of right predictions two thousand rows alone make .02 of gaps; so they do of wrong ones."""
    rng = np.random.default_rng(3)
    squares, held = [], []
    for off in (0.0, 0.03):
        for _ in range(200):
            told, profile = rng.uniform(0.05, 0.25, 2000), None
            chance = told
            if profiles:  # who takes more than others does so in all their decisions
                profile = rng.integers(0, profiles, 2000)
                chance = told * rng.uniform(0.4, 1.6, profiles)[profile]
            reward = (rng.random(2000) < chance).astype(float)
            found = calibration_error(told + off, reward, profile=profile)
            squares.append(found.error**2 - off**2)
            held.append(found.low <= off <= found.high)
            assert found.noise > 0.015
    assert np.mean(held) >= 0.93
    assert abs(np.mean(squares)) < 0.015**2


def test_profiles_that_repeat_themselves_are_known_less_well():
    rng = np.random.default_rng(4)
    profile = np.arange(100).repeat(50)
    told = np.full(5000, 0.2)
    reward = (rng.random(100) < 0.2).astype(float)[profile]
    apart, together = (calibration_error(told, reward, 1, who) for who in (None, profile))
    assert together.noise > 5 * apart.noise
    assert together.low == 0
