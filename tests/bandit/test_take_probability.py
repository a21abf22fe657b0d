"""Logits become probabilities of a take, by bias and temperature."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from bandit.take_probability import mean_take_probability, take_probabilities

logits = arrays(np.float32, (3, 4, 2), elements=st.floats(-1000, 1000, width=32))


@given(logits, st.floats(-5, 5), st.floats(0.1, 5))
def test_it_is_the_logistic_function_of_the_calibrated_logit(said, bias, temperature):
    found = take_probabilities(said, bias, temperature)
    np.testing.assert_allclose(found, expit((said + bias) / temperature), rtol=1e-5, atol=1e-30)


@given(logits)
def test_heads_are_averaged_after_they_are_probabilities(said):
    found = mean_take_probability(said)
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found, expit(said).mean(1), rtol=1e-5, atol=1e-30)
