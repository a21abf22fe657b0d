"""What every policy must do, and what each is known for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.counts import BetaCounts
from bandit.exp3 import Exp3
from bandit.linear import LinearPosterior, linear_thompson, linucb
from bandit.neural import highest_bound, neural_ucb
from bandit.simple import epsilon_greedy, greedy, uniform, uniform_value
from bandit.squarecb import squarecb
from bandit.tabular import bayesian_ucb, best_unpersonalised, beta_thompson, ucb1
from tests.bandit.cases import valid_candidates


class World:
    """Something of all that policies look at, for a few decisions."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.shape = int(rng.integers(1, 5)), int(rng.integers(1, 6))
        self.valid = valid_candidates(rng, *self.shape)
        self.values = np.round(rng.normal(size=self.shape), 1)
        self.scores = rng.normal(size=(self.shape[0], 7, self.shape[1]))
        self.features = rng.normal(size=(*self.shape, 3))
        shown = rng.integers(0, 20, self.shape) * 1.0
        takes = np.floor(shown * rng.random(self.shape))
        self.counts = BetaCounts(takes, shown - takes)
        chosen = rng.normal(size=(30, 3))
        self.posterior = LinearPosterior.prior(3).update(chosen, rng.normal(size=30))
        self.totals = 50 * rng.normal(size=self.shape)
        self.rows = np.arange(self.shape[0])


POLICIES = {
    "uniform": lambda w, e: uniform(w.valid),
    "epsilon_greedy": lambda w, e: epsilon_greedy(w.values, w.valid, e),
    "ucb1": lambda w, e: ucb1(w.counts, w.valid, epsilon=e),
    "bayesian_ucb": lambda w, e: bayesian_ucb(w.counts, w.valid, epsilon=e),
    "beta_thompson": lambda w, e: beta_thompson(w.counts, w.valid, e),
    "best_unpersonalised": lambda w, e: best_unpersonalised(w.counts, w.valid, e),
    "linucb": lambda w, e: linucb(w.posterior, w.features, w.valid, epsilon=e),
    "linear_thompson": lambda w, e: linear_thompson(w.posterior, w.features, w.valid, epsilon=e),
    "exp3": lambda w, e: Exp3(w.totals, 0.1, e).probabilities(w.rows, w.valid),
    "squarecb": lambda w, e: squarecb(w.values, w.valid, 10.0, e),
    "neural_ucb": lambda w, e: neural_ucb(w.scores, w.valid, epsilon=e),
    "highest_bound": lambda w, e: highest_bound(w.values, abs(w.values), w.valid, epsilon=e),
}


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), epsilon=st.sampled_from([0.0, 0.01, 0.5, 1.0]))
def test_probabilities_sum_to_one_over_the_valid_and_keep_the_floor(name, seed, epsilon):
    world = World(seed)
    p = POLICIES[name](world, epsilon)
    assert p.shape == world.shape
    np.testing.assert_allclose(p.sum(-1), 1)
    assert (p[~world.valid] == 0).all()
    floor = epsilon / world.valid.sum(-1, keepdims=True) - 1e-12
    assert (p >= np.where(world.valid, floor, 0)).all()


@pytest.mark.parametrize("name", POLICIES)
def test_a_decision_without_candidates_is_refused(name):
    world = World(3)
    world.valid = np.zeros(world.shape, bool)
    with pytest.raises(ValueError, match="row 0 has no valid candidate"):
        POLICIES[name](world, 0.1)


def test_greedy_splits_ties():
    p = greedy(np.array([[2.0, 2.0, 1.0], [9.0, 0.0, 1.0]]), np.array([[1, 1, 1], [0, 1, 1]], bool))
    np.testing.assert_array_equal(p, [[0.5, 0.5, 0], [0, 0, 1]])


def test_ucb1_shows_everything_once_then_weighs_take_against_ignorance():
    three = np.ones((1, 3), bool)
    new = BetaCounts(np.array([[5.0, 0, 0]]), np.array([[5.0, 0, 0]]))
    np.testing.assert_array_equal(ucb1(new, three), [[0, 0.5, 0.5]])
    # means .5 .4 .2; bounds sqrt(2 ln 115 / n): .308, .974, .974
    counts = BetaCounts(np.array([[50.0, 4, 1]]), np.array([[50.0, 6, 4]]))
    bound = np.array([0.5, 0.4, 0.2]) + np.sqrt(2 * np.log(115) / np.array([100, 10, 5]))
    np.testing.assert_array_equal(ucb1(counts, three)[0], bound == bound.max())


def test_squarecb_weighs_by_inverse_gap():
    p = squarecb(np.array([[0.5, 0.4, 0.1]]), np.ones((1, 3), bool), 10.0)
    np.testing.assert_allclose(p, [[1 - 1 / 4 - 1 / 7, 1 / 4, 1 / 7]])
    np.testing.assert_allclose(squarecb(p, np.ones((1, 3), bool), 0.0), 1 / 3)


def test_counts_learn_from_a_batch_as_one_by_one_and_forget():
    rng = np.random.default_rng(1)
    rows, actions, rewards = rng.integers(0, 3, 99), rng.integers(0, 2, 99), rng.random(99)
    batch = BetaCounts.empty(3, 2).update(rows, actions, rewards)
    single = BetaCounts.empty(3, 2)
    for i in range(99):
        single = single.update(rows[i : i + 1], actions[i : i + 1], rewards[i : i + 1])
    np.testing.assert_allclose(batch.takes, single.takes)
    np.testing.assert_allclose(batch.misses, single.misses)
    none = np.array([], int)
    faded = batch.update(none, none, np.array([]), keep=0.5)
    np.testing.assert_allclose(faded.alpha, 1 + batch.takes / 2)
    np.testing.assert_array_equal(batch.of(np.array([2, 2])).takes, batch.takes[[2, 2]])


@pytest.mark.parametrize(
    ("row", "action", "reward", "keep", "message"),
    [
        (3, 0, 1.0, 1.0, "impression 0 has row 3, but the table has 3"),
        (0, -1, 1.0, 1.0, "impression 0 has action -1, but the table has 2"),
        (0, 0, 1.5, 1.0, "reward 1.5"),
        (0, 0, np.nan, 1.0, "reward nan"),
        (0, 0, 1.0, 2.0, "keep is 2.0"),
    ],
)
def test_impressions_that_cannot_be_counted_are_refused(row, action, reward, keep, message):
    with pytest.raises(ValueError, match=message):
        BetaCounts.empty(3, 2).update(np.array([row]), np.array([action]), np.array([reward]), keep)


def test_linear_posterior_is_ridge_regression_and_its_draws_have_its_moments():
    rng = np.random.default_rng(2)
    x, noise = rng.normal(size=(200, 3)), rng.normal(size=200)
    y = x @ [1.0, -2.0, 0.5] + 0.1 * noise
    posterior = LinearPosterior.prior(3, ridge=2.0, noise=0.1)
    for part in range(0, 200, 50):
        posterior = posterior.update(x[part : part + 50], y[part : part + 50])
    exact = np.linalg.solve(x.T @ x + 2 * np.eye(3), x.T @ y)
    np.testing.assert_allclose(posterior.weights, exact)
    draws = posterior.draws(4096, seed=1)
    covariance = 0.01 * np.linalg.inv(x.T @ x + 2 * np.eye(3))
    np.testing.assert_allclose(draws.mean(0), exact, atol=1e-4)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.03 * covariance.max())
    widths = posterior.widths(x[:4].reshape(2, 2, 3)).ravel()
    np.testing.assert_allclose(0.01 * widths**2, np.einsum("nf,fg,ng->n", x[:4], covariance, x[:4]))


def test_linucb_prefers_what_it_does_not_know_and_thompson_draws_it_sometimes():
    posterior = LinearPosterior.prior(2).update(np.tile([1.0, 0.0], (100, 1)), np.full(100, 0.3))
    candidates, both = np.eye(2)[None], np.ones((1, 2), bool)
    np.testing.assert_array_equal(linucb(posterior, candidates, both, alpha=0.0), [[1, 0]])
    np.testing.assert_array_equal(linucb(posterior, candidates, both, alpha=1.0), [[0, 1]])
    p = linear_thompson(posterior, candidates, both, heads=1024)
    np.testing.assert_allclose(p[0, 1], 0.277, atol=0.02)  # P(N(0, .5²) > .297)


def test_neural_ucb_ignores_what_a_head_thinks_of_all_candidates():
    scores = np.array([[[0.0, 1.0], [2.0, -0.5]]])
    shifted = scores + np.array([100.0, -3.0])[None, :, None]
    valid = np.ones((1, 2), bool)
    np.testing.assert_array_equal(neural_ucb(scores, valid, 0.1), neural_ucb(shifted, valid, 0.1))


def test_the_highest_bound_weighs_the_mean_against_the_deviation_and_splits_ties():
    mean, deviation = np.array([[1.0, 0.5, 0.5]]), np.array([[0.1, 0.4, 0.4]])
    valid = np.ones((1, 3), bool)
    np.testing.assert_array_equal(highest_bound(mean, deviation, valid, 1.0), [[1, 0, 0]])
    np.testing.assert_array_equal(highest_bound(mean, deviation, valid, 2.0), [[0, 0.5, 0.5]])


def test_exp3_finds_the_better_candidate_and_follows_when_it_changes():
    rng = np.random.default_rng(0)
    state, row, both = Exp3(np.zeros((1, 2)), 0.05, 0.1), np.array([0]), np.ones((1, 2), bool)
    for good in (0, 1):
        for _ in range(600 * (1 + 2 * good)):
            p = state.probabilities(row, both)
            action = rng.choice(2, size=1, p=p[0])
            reward = (action == good).astype(float)
            state = state.update(row, action, reward, p[0, action])
        assert state.probabilities(row, both)[0, good] > 0.9


def test_exp3_stays_finite_however_much_was_earned():
    state, row = Exp3(np.array([[1e6, 1e6 - 10, 2e6]]), 0.05, 0.1), np.array([0])
    p = state.probabilities(row, np.array([[True, True, False]]))
    odds = np.exp(0.05 * 10)
    share = np.array([odds, 1, 0]) / (1 + odds)
    np.testing.assert_allclose(p, [0.9 * share + [0.05, 0.05, 0]])


def test_exp3_of_one_row_is_what_it_is_alone_however_much_another_earned():
    poor = Exp3(np.array([[1.0, 2.0]]), 0.5, 0.1)
    both = Exp3(np.array([[1.0, 2.0], [1e6, 2e6]]), 0.5, 0.1)
    valid = np.ones((2, 2), bool)
    alone = poor.probabilities(np.array([0]), valid[:1])
    np.testing.assert_allclose(both.probabilities(np.array([0, 1]), valid)[:1], alone)


def test_exp3_refuses_an_impression_without_a_propensity():
    with pytest.raises(ValueError, match="impression 0 has propensity 0"):
        Exp3.empty(1, 2).update(np.array([0]), np.array([1]), np.array([1.0]), np.array([0.0]))


def test_beta_thompson_loses_less_than_uniform():
    rng = np.random.default_rng(5)
    truth = np.array([[0.1, 0.3, 0.2]])
    counts, valid, lost = BetaCounts.empty(1, 3), np.ones((1, 3), bool), 0.0
    for _ in range(100):
        p = beta_thompson(counts, valid)
        lost += (p * (truth.max() - truth)).sum()
        actions = rng.choice(3, size=20, p=p[0])
        takes = (rng.random(20) < truth[0, actions]).astype(float)
        counts = counts.update(np.zeros(20, int), actions, takes)
    assert lost < 0.3 * 100 * (truth.max() - truth.mean())


@given(st.integers(0, 2**32 - 1))
def test_what_the_uniform_policy_earns_is_its_mean_over_valid_candidates(seed):
    world = World(seed)
    values = np.stack([world.values, world.values + 1])
    earned = uniform_value(values, world.valid)
    np.testing.assert_allclose(earned, (uniform(world.valid) * values).sum(-1), atol=1e-12)
