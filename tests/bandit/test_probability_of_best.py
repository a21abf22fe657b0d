import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.probability_of_best import beta_probability_of_best
from tests.bandit.cases import valid_candidates


def test_two_uniform_priors_and_a_known_integral():
    ones = np.ones((1, 2))
    both = np.ones((1, 2), bool)
    np.testing.assert_allclose(beta_probability_of_best(ones, ones, both), [[0.5, 0.5]])
    # P(Beta(2,1) > Beta(1,1)) = E[x] = 2/3
    alpha = np.array([[2.0, 1.0]])
    np.testing.assert_allclose(
        beta_probability_of_best(alpha, ones, both), [[2 / 3, 1 / 3]], atol=1e-6
    )


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1.0, 30.0, 3000.0]))
def test_as_often_best_as_in_simulation(seed, size):
    rng = np.random.default_rng(seed)
    alpha, beta = 1 + rng.exponential(size, (2, 1, 4))
    valid = valid_candidates(rng, 1, 4)
    drawn = np.where(valid, rng.beta(alpha, beta, (40_000, 4)), -1).argmax(-1)
    often = np.bincount(drawn, minlength=4) / len(drawn)
    found = beta_probability_of_best(alpha, beta, valid)
    np.testing.assert_allclose(found[0], often, atol=0.015)
    np.testing.assert_allclose(found.sum(), 1)
    assert (found[~valid] == 0).all()


def test_one_wide_and_one_narrow_posterior():
    alpha, beta = np.array([[1.0, 3e5]]), np.array([[1.0, 7e5]])
    found = beta_probability_of_best(alpha, beta, np.ones((1, 2), bool))
    np.testing.assert_allclose(found, [[0.7, 0.3]], atol=1e-5)


def test_equals_are_equally_likely_and_blocks_do_not_matter():
    alpha, beta = np.full((600, 5), 7.0), np.full((600, 5), 90.0)
    found = beta_probability_of_best(alpha, beta, np.ones((600, 5), bool))
    np.testing.assert_allclose(found, 0.2)


def test_a_parameter_of_zero_is_refused():
    with pytest.raises(ValueError, match="beta of decision row 0, candidate 1 is 0"):
        beta_probability_of_best(np.ones((1, 2)), np.array([[1.0, 0.0]]), np.ones((1, 2), bool))
