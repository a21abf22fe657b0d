"""The worked example of the talk: three images with takes 2/4, 0/2 and 1/3."""

import numpy as np
import pytest

from bandit.counts import BetaCounts
from bandit.simple import epsilon_greedy
from bandit.tabular import bayesian_ucb, best_unpersonalised, beta_thompson

VALID = np.ones((1, 3), bool)


@pytest.fixture
def seen():
    actions = np.array([0, 1, 2, 0, 1, 2, 0, 2, 0])
    rewards = np.array([1, 0, 0, 0, 0, 1, 1, 0, 0.0])
    return BetaCounts.empty(1, 3).update(np.zeros(9, int), actions, rewards)


def intervals(counts):
    return np.stack([counts.quantile(0.025)[0], counts.quantile(0.975)[0]], -1)


def test_posteriors(seen):
    np.testing.assert_array_equal(seen.alpha, [[3, 1, 2]])
    np.testing.assert_array_equal(seen.beta, [[3, 3, 3]])


def test_epsilon_greedy(seen):
    fraction = seen.takes / (seen.takes + seen.misses)
    np.testing.assert_allclose(fraction, [[2 / 4, 0, 1 / 3]])
    for epsilon in (0.0, 0.1, 1.0):
        expected = [[1 - 2 * epsilon / 3, epsilon / 3, epsilon / 3]]
        np.testing.assert_allclose(epsilon_greedy(fraction, VALID, epsilon), expected)


def test_intervals_and_bayesian_ucb_before_and_after_one_more_failure(seen):
    np.testing.assert_allclose(
        intervals(seen), [[0.15, 0.85], [0.01, 0.71], [0.07, 0.81]], atol=0.005
    )
    np.testing.assert_array_equal(bayesian_ucb(seen, VALID), [[1, 0, 0]])
    after = seen.update(np.array([0]), np.array([0]), np.array([0.0]))
    np.testing.assert_allclose(
        intervals(after), [[0.12, 0.78], [0.01, 0.71], [0.07, 0.81]], atol=0.005
    )
    np.testing.assert_array_equal(bayesian_ucb(after, VALID), [[0, 0, 1]])


def test_best_unpersonalised_is_the_greedy_choice(seen):
    np.testing.assert_array_equal(best_unpersonalised(seen, VALID), [[1, 0, 0]])


def test_thompson_draws_each_as_often_as_it_is_best(seen):
    drawn = np.random.default_rng(0).beta(seen.alpha, seen.beta, (200_000, 3)).argmax(-1)
    often = np.bincount(drawn, minlength=3) / len(drawn)
    np.testing.assert_allclose(beta_thompson(seen, VALID)[0], often, atol=0.005)
