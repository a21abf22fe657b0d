"""Numbers brought to mean 0 and deviation 1: one definition, as arrays and as tensors."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.standardise import LEAST_DEVIATION, Standard
from model.heads.standardise import mean_and_deviation

SEEDS = st.integers(0, 2**32 - 1)


def sample(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(rng.normal(0, 9, 4), [0, LEAST_DEVIATION / 9, 1, 9], (50, 4))


@given(SEEDS)
def test_a_sample_has_mean_0_and_deviation_1_but_for_what_hardly_varies(seed):
    rows = sample(seed)
    scaled = Standard.of(rows)(rows)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled[:, 2:].std(0), 1)
    assert (scaled[:, 0] == 0).all()
    np.testing.assert_allclose(scaled[:, 1].std(0), rows[:, 1].std(0) / LEAST_DEVIATION, atol=1e-9)


@given(SEEDS)
def test_what_is_constant_in_the_sample_is_0_in_any_rows(seed):
    rows, others = sample(seed), sample(seed + 1)
    others[:, 0] = np.linspace(-1e6, 1e6, len(others))
    assert (Standard.of(rows)(others)[:, 0] == 0).all()
    mean, deviation = mean_and_deviation(torch.from_numpy(rows).float())
    scaled = (torch.from_numpy(others).float() - mean) / deviation
    assert (scaled[:, 0] == 0).all()
    assert scaled.isfinite().all()


@given(SEEDS)
def test_other_rows_are_scaled_alike_one_by_one(seed):
    standard, rows = Standard.of(sample(seed)), sample(seed + 1)
    one_by_one = np.stack([standard(row) for row in rows])
    np.testing.assert_array_equal(standard(rows), one_by_one)


@given(SEEDS)
def test_tensors_have_the_same_definition(seed):
    rows = sample(seed)
    mean, deviation = mean_and_deviation(torch.from_numpy(rows))
    standard = Standard.of(rows)
    np.testing.assert_allclose(mean, standard.mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(deviation, standard.deviation, rtol=1e-9)


def test_tensors_may_be_divided_by_more_at_least():
    rows = torch.from_numpy(sample(1))
    _, deviation = mean_and_deviation(rows, least=2.0)
    assert (deviation >= 2.0).all()
    assert deviation[0].isinf()
    assert (deviation[1:3] == 2.0).all()
    assert deviation[3] > 2.0
