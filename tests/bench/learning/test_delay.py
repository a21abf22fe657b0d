import numpy as np
import pytest

from bench.learning.delay import arithmetic, delay, play_late
from bench.learning.settings import make_policy, settings_of
from bench.learning.stage import digits_stage
from data.errors import BadInput


class Witness:
    """Chooses at random; keeps how many decisions and rewards it had met at each turn."""

    def __init__(self):
        self.decided = self.told = 0
        self.seen, self.rewards = [], []

    def batch(self):
        raise AssertionError("its own batches are passed over")

    def probabilities(self, view):
        self.seen.append((self.decided, self.told))
        self.decided += len(view.valid)
        return view.valid / view.valid.sum(1, keepdims=True)

    def learn(self, view, actions, propensities, rewards):
        assert len(view.contexts) == len(actions) == len(rewards)
        np.testing.assert_allclose(propensities, 1 / 6)
        self.told += len(rewards)
        self.rewards.append(rewards)


@pytest.mark.parametrize("wait", [1, 7, 300])
def test_a_reward_is_known_so_many_decisions_after_its_own(wait):
    witness = Witness()
    play_late(witness, digits_stage(), 1000, 2, wait, most=8)
    decided, told = np.array(witness.seen).T
    np.testing.assert_array_equal(told, np.maximum(0, decided - wait + 1))
    assert np.diff(decided).max() == 8
    np.testing.assert_array_equal(decided[:50], np.arange(50))


def test_chance_earns_the_same_rewards_whatever_the_delay():
    prompt, late = Witness(), Witness()
    regret, chance = play_late(prompt, digits_stage(), 600, 2, 1)
    other, _ = play_late(late, digits_stage(), 600, 2, 100)
    np.testing.assert_allclose(regret, chance)
    np.testing.assert_allclose(regret, other)
    first = np.concatenate(late.rewards)
    np.testing.assert_array_equal(np.concatenate(prompt.rewards)[: len(first)], first)


def test_a_learner_told_late_is_behind_and_then_learns():
    stage = digits_stage()
    setting = settings_of("neural_linear", "digits")[0]
    runs = [
        play_late(make_policy("neural_linear", stage, setting, 1), stage, 1500, 1, wait)
        for wait in (1, 500)
    ]
    (prompt, chance), (late, _) = runs
    assert late[:500].sum() == pytest.approx(chance[:500].sum(), rel=0.1)
    assert late[500:].sum() < 0.7 * chance[500:].sum()
    assert prompt.sum() < late.sum()


def test_being_behind_is_chance_and_then_the_prompt_learner():
    prompt, chance = np.array([1.0, 1, 0, 0]), np.ones(4)
    assert arithmetic(prompt, chance, 1) == 1
    assert arithmetic(prompt, chance, 3) == pytest.approx((2 + 2) / 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"delays": "0,1"}, "--delays 0,1"),
        ({"delays": "4,1"}, "--delays 4,1"),
        ({"rounds": 1000}, "--rounds 1000"),
        ({"policy": "greedy"}, "--policy greedy"),
        ({"seeds": "1"}, "--seeds 1"),
        ({"seeds": "1,1"}, "--seeds 1,1"),
        ({"seeds": "1,x"}, "--seeds 1,x"),
        ({"environment": "artwork"}, "--catalogue"),
    ],
)
def test_what_cannot_be_measured_is_refused(given, words):
    with pytest.raises(BadInput, match=words):
        delay(**given)
