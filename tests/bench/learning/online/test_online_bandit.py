"""The online bandit's own: what it doubts, what it is told of rewards, how it chooses."""

import numpy as np
import pytest
import torch

from bench.learning.online.online_bandit import OnlineBandit, OnlineSettings
from bench.learning.online.random_fourier_features import Waves

ARMS = np.eye(2, dtype=np.float32)
BOUND = {"kind": "neural_linear", "choice": "bound", "noise": 0.1, "unit": 50.0, "width": 16}


def bandit(contexts, **given):
    return OnlineBandit(contexts, ARMS, OnlineSettings(**{**BOUND, "steps": 60, **given}), seed=1)


def points(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 2)).astype(np.float32)


def tell(learner, contexts, arms, rewards):
    learner.learn(contexts, ARMS[arms], rewards, [str(i) for i in range(len(arms))])


def judge(learner, contexts):
    return learner.predict(contexts, ARMS, np.tile([0, 1], (len(contexts), 1)))


def test_an_arm_that_was_never_tried_in_a_region_stays_in_doubt_there():
    x = points(600)
    right = x[:, 0] > 0
    arms = np.where(right, 0, np.arange(600) % 2)  # at the right, arm 0 alone
    learner = bandit(x, doubt=60)
    before = judge(learner, x)[1]
    tell(learner, x, arms, np.where(arms == 0, 1.2, 1.0))
    after = judge(learner, x)[1]
    assert after[~right].max(1).mean() < 0.25 * before.mean()
    assert after[right, 1].mean() > 3 * after[~right, 1].mean()
    assert after[right, 1].mean() > 3 * after[right, 0].mean()


def test_random_waves_keep_a_doubt_that_the_trunk_and_the_context_lose():
    x = points(400)
    corner = (x > 0.5).all(1)
    told = ~corner
    deviation = []
    for doubt in (0, 100):
        learner = bandit(x, doubt=doubt, width=0, steps=0)
        tell(learner, x[told], np.zeros(told.sum(), int), np.ones(told.sum()))
        judged = judge(learner, x)[1][:, 0]
        deviation.append(judged[corner].mean() / judged[told].mean())
    assert deviation[1] > 1.3 * deviation[0]


def test_the_bound_tries_what_is_unknown_and_then_keeps_to_what_is_best():
    x = points(300)
    best = (x[:, 1] > 0).astype(int)
    learner = bandit(x, doubt=30, retrain=1.5)
    draws = np.random.default_rng(2)
    rewards = []
    for rows in np.array_split(np.arange(300), 60):
        both = np.ones((len(rows), 2), bool)
        p = learner.probabilities(x[rows], ARMS, np.tile([0, 1], (len(rows), 1)), both)
        arms = (draws.random(len(rows)) < p[:, 1]).astype(int)
        rewards.append(np.where(arms == best[rows], 50.0, 1.0))
        tell(learner, x[rows], arms, rewards[-1])
    earned = np.concatenate(rewards)
    assert (earned[-100:] == 50).mean() > 0.9
    assert (earned[:20] == 50).mean() < 0.9


@pytest.mark.parametrize("compress", [0.0, 0.01])
def test_targets_go_from_the_least_reward_seen_to_what_rewards_may_be(compress):
    x = points(200)
    arms = np.arange(200) % 2
    learner = bandit(x, compress=compress, noise=0.01, prior_scale=3.0)
    tell(learner, x, arms, np.where(arms == 0, 1.0, 50.0))
    mean = judge(learner, x)[0] + float(learner.bias.detach())
    least = np.arcsinh(1 / 50 / compress) / np.arcsinh(1 / compress) if compress else 0.02
    np.testing.assert_allclose(mean[:, 0], 0, atol=0.03)
    np.testing.assert_allclose(mean[:, 1], 1 - least, atol=0.03)


def test_rare_numbers_count_for_less_where_they_are_not_stretched():
    x = points(2000)
    x[:, 1] = np.arange(2000) % 100 == 0  # deviation .1
    rare, common = np.array([[0.0, 1.0]], np.float32), np.array([[0.0, 0.0]], np.float32)

    def doubt(least):
        learner = bandit(x, unstretched=least, width=0, steps=0)
        return judge(learner, rare)[1][0, 0] / judge(learner, common)[1][0, 0]

    assert doubt(0.05) > 3 * doubt(1.0)


def test_what_is_of_the_posterior_is_refused_without_one():
    with pytest.raises(ValueError, match="neural_linear, not of point"):
        bandit(points(50), kind="point")


def test_waves_of_contexts_have_less_in_common_the_farther_these_are_apart():
    waves = Waves(3, 20_000, 2.0, seed=0)
    x = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 4, 0], [6, 6, 6]])
    common = waves(x) @ waves(x[0]) / 20_000
    expected = torch.exp(-(x.norm(dim=1) ** 2) / 8)
    torch.testing.assert_close(common, expected, atol=0.03, rtol=0)
