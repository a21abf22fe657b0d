import numpy as np
import pytest

from bandit.simple import greedy, uniform
from data.errors import BadInput
from simulate.testbeds.digits import Digits
from simulate.testbeds.environment import expected_regret
from simulate.testbeds.wheel import Wheel

WORLDS = {"wheel": lambda: Wheel(0.9), "digits": Digits}


@pytest.fixture(params=WORLDS)
def world(request):
    return WORLDS[request.param]()


def test_rewards_average_to_what_is_expected_and_regret_is_zero_for_the_oracle(world):
    rng = np.random.default_rng(0)
    rounds = world.rounds(20_000, rng)
    actions = rng.integers(0, rounds.valid.shape[1], 20_000)
    drawn = world.rewards(rounds, actions, rng)
    expected = rounds.expected[np.arange(20_000), actions]
    assert abs((drawn - expected).mean()) < 0.015
    np.testing.assert_allclose(
        expected_regret(rounds, greedy(rounds.expected, rounds.valid)), 0, atol=1e-12
    )
    assert expected_regret(rounds, uniform(rounds.valid)).mean() > 0.1


def test_the_same_seed_gives_the_same_rounds(world):
    one, other = (world.rounds(50, np.random.default_rng(3)) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.candidates.max() < len(world.features)


def test_an_action_that_is_no_candidate_is_refused(world):
    rounds = world.rounds(2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="round 1: action 9 is no valid candidate"):
        world.rewards(rounds, np.array([0, 9]), np.random.default_rng(0))


@pytest.mark.parametrize("delta", [0.5, 0.95])
def test_the_wheel_pays_at_the_rim_by_quadrant(delta):
    rounds = Wheel(delta).rounds(50_000, np.random.default_rng(1))
    radius = np.linalg.norm(rounds.contexts, axis=1)
    assert radius.max() <= 1 + 1e-6
    best = rounds.expected.argmax(-1)
    assert (best[radius < delta - 1e-6] == 0).all()
    assert abs((best > 0).mean() - (1 - delta**2)) < 0.01
    right_top = (radius > delta + 1e-6) & (rounds.contexts > 1e-6).all(-1)
    assert (best[right_top] == 1).all()


def test_held_out_scans_appear_in_unseen_rounds_only():
    world, rng = Digits(), np.random.default_rng(0)
    seen, unseen = (np.unique(world.rounds(9000, rng, u).candidates) for u in (False, True))
    assert not np.intersect1d(seen, unseen).size
    assert len(seen) + len(unseen) == len(world.images) == 1797
    assert abs(len(unseen) / 1797 - 0.25) < 0.001
    assert world.images.dtype == np.uint8
    assert world.images.shape[1:] == (3, 8, 8)


def test_members_take_the_digits_they_want():
    world = Digits()
    rounds = world.rounds(200, np.random.default_rng(0))
    wanted = np.take_along_axis(rounds.contexts, world.labels[rounds.candidates], 1)
    np.testing.assert_array_equal(rounds.expected, np.where(wanted == 1, 0.6, 0.1))


def test_worlds_that_cannot_be_are_refused():
    with pytest.raises(BadInput, match=r"--delta 1\.0"):
        Wheel(1.0)
    with pytest.raises(BadInput, match=r"wanted is 1\.5"):
        Digits(wanted=1.5)
    with pytest.raises(BadInput, match="held_out is 0"):
        Digits(held_out=0)
