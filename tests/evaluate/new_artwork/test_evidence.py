"""Levels of artwork in a log: those of the world, whatever the bundle's level and the policy."""

import numpy as np
import pytest

from evaluate.new_artwork.evidence import TitleEvidence, TitleLog, title_evidence

LEVELS = np.array([0.3, -0.3, 0.0, 0.5])
"""Of three known artworks, which are 0 in the mean, and of a new one."""


def drawn(rng, rows=3000, skew=False, predicted=1.0):
    """A log of one title, drawn evenly or by a policy that prefers some artworks."""
    interest = rng.uniform(0.1, 0.3, rows)
    chances = np.full((rows, 4), 0.25)
    if skew:
        # Those with more interest are mostly shown the first.
        chances[:] = [0.1, 0.3, 0.3, 0.3]
        chances[interest > 0.2] = [0.7, 0.1, 0.1, 0.1]
    action = (chances.cumsum(1) < rng.random((rows, 1))).sum(1)
    take = interest * (1 + LEVELS[action])
    reward = (rng.random(rows) < take).astype(float)
    known = predicted * interest[:, None] * np.ones(4)
    weight = 0.25 / chances[np.arange(rows), action]
    trained = np.array([True, True, True, False])
    offered = np.ones((rows, 4), bool)
    return TitleLog(known, known, trained, offered, action, reward, weight)


def evidence(log: TitleLog) -> TitleEvidence:
    found = title_evidence(log)
    assert found is not None
    return found


@pytest.mark.parametrize("skew", [False, True])
def test_levels_are_those_of_the_world_and_as_sure_as_they_say(skew):
    rng = np.random.default_rng(1)
    found = [evidence(drawn(rng, skew=skew)) for _ in range(200)]
    seen = np.array([title.artworks.seen for title in found])
    np.testing.assert_allclose(seen.mean(0), LEVELS, atol=4 * seen.std(0).max() / 200**0.5)
    said = np.sqrt(np.mean([title.artworks.noise for title in found], axis=0))
    np.testing.assert_allclose(said, seen.std(0), rtol=0.3)
    assert found[0].artworks.new.tolist() == [False, False, False, True]


def test_a_bundle_that_predicts_twice_as_much_changes_no_level():
    once, twice = (evidence(drawn(np.random.default_rng(2), predicted=factor)) for factor in (1, 2))
    np.testing.assert_allclose(once.artworks.seen, twice.artworks.seen)
    assert once.take == pytest.approx(twice.take)
    assert once.scale is not None
    assert twice.scale == pytest.approx(once.scale / 2)


def test_the_take_is_that_of_known_artwork_shown_as_often_each():
    rng = np.random.default_rng(3)
    takes = np.array([evidence(drawn(rng, skew=True)).take for _ in range(100)])
    assert takes.mean() == pytest.approx(0.2, abs=4 * takes.std() / 10)


def test_a_title_with_too_few_takes_says_nothing():
    log = drawn(np.random.default_rng(4), rows=20)
    assert title_evidence(log._replace(reward=np.zeros(20))) is None
    assert title_evidence(log._replace(trained=np.array([True, False, False, False]))) is None


def test_what_members_differ_by_counts_as_far_as_rewards_follow_it():
    """The bundle predicts of whom an artwork pleases twice as far as it goes."""
    rng = np.random.default_rng(5)
    product = square = 0.0
    for _ in range(60):
        rows = 3000
        pleases = rng.choice([-1.0, 1.0], (rows, 4))
        action = rng.integers(0, 4, rows)
        take = 0.2 * (1 + 0.2 * pleases)
        reward = (rng.random(rows) < take[np.arange(rows), action]).astype(float)
        predicted = 0.2 * (1 + 0.4 * pleases)
        trained = np.array([True, True, True, False])
        offered = np.ones((rows, 4), bool)
        log = TitleLog(predicted, predicted, trained, offered, action, reward, np.ones(rows))
        sums = evidence(log).personal.new
        product, square = product + sums.product, square + sums.square
    assert product / square == pytest.approx(0.5, abs=0.15)
