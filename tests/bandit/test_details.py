"""What policies do at their edges and by default, and where their refusals point."""

import numpy as np
import pytest

from bandit.counts import (
    LEAST_IMPRESSIONS,
    MOST_IMPRESSIONS,
    PRIOR_IMPRESSIONS,
    BetaCounts,
    prior_strength,
)
from bandit.draws import Epochs, draw_seeds
from bandit.exp3 import Exp3
from bandit.floor import candidate_counts
from bandit.head_policy import HeadPolicy
from bandit.linear import LinearPosterior, linear_thompson
from bandit.neural import highest_bound, neural_ucb
from bandit.tabular import ucb1
from bandit.thompson import thompson_probabilities
from bandit.thompson_batch import Workspace, decide_scores

ALL = np.ones((1, 2), bool)


def test_a_title_without_candidates_is_refused_with_what_to_do():
    nobody = np.array([[True], [False]])
    remedy = "drop the title or give it a default$"
    with pytest.raises(ValueError, match=remedy):
        candidate_counts(nobody)
    with pytest.raises(ValueError, match=remedy):
        thompson_probabilities(np.zeros((2, 3, 1)), nobody, 0.0)


def test_a_score_that_is_nan_is_refused_with_what_to_do():
    scores = np.zeros((1, 2, 2))
    scores[0, 1] = np.nan
    with pytest.raises(ValueError, match=r"; mend the model or mask the candidate$"):
        thompson_probabilities(scores, ALL, 0.0)


def test_draws_of_a_posterior_follow_from_their_seed():
    posterior = LinearPosterior.prior(3).update(np.eye(3), np.ones(3))
    assert np.array_equal(posterior.draws(8, 5), posterior.draws(8, 5))
    assert not np.array_equal(posterior.draws(8, 5), posterior.draws(8, 6))
    features = np.random.default_rng(0).normal(size=(40, 3, 3))
    valid = np.ones((40, 3), bool)
    made = linear_thompson(posterior, features, valid, heads=16, seed=5)
    assert np.array_equal(made, linear_thompson(posterior, features, valid, heads=16, seed=5))


def test_linear_thompson_has_a_bank_of_128_draws():
    features = np.random.default_rng(0).normal(size=(40, 3, 3))
    shares = linear_thompson(LinearPosterior.prior(3), features, np.ones((40, 3), bool))
    assert np.array_equal(shares * 128, np.rint(shares * 128))
    assert ((shares * 128) % 2 == 1).any()


def test_what_fades_of_a_posterior_is_what_was_learnt_and_not_its_prior():
    posterior = LinearPosterior.prior(2, ridge=4.0).update(np.eye(2), np.ones(2))
    faded = posterior.update(np.zeros((0, 2)), np.zeros(0), forget=0.25)
    assert np.allclose(faded.precision, 4 * np.eye(2) + 0.25 * np.eye(2))
    assert np.allclose(faded.moment, 0.25)


def test_an_epoch_may_be_a_day():
    assert Epochs(1).days == 1
    assert Epochs(keep=0).keep == 0
    with pytest.raises(ValueError, match="an epoch of 0 days"):
        Epochs(0)


def test_a_salt_of_any_size_is_one_of_64_bits():
    keys, titles = np.array([1, 2], np.uint64), np.array([3, 4])
    none = np.zeros(2, np.uint64)
    of = [
        draw_seeds(keys, titles, none, none, salt).tolist() for salt in (-1, 2**64 - 1, 2**65 - 1)
    ]
    assert of[0] == of[1] == of[2]


def test_a_workspace_gives_the_memory_that_it_has():
    room = Workspace()
    first = room.array("scores", (4, 5), np.float32)
    assert np.shares_memory(first, room.array("scores", (2, 5), np.float32))
    assert not np.shares_memory(first, room.array("votes", (2, 5), np.float32))
    assert room.array("scores", (2, 5), np.uint8).dtype == np.uint8


def test_what_was_shown_before_weighs_nothing_unless_it_is_kept():
    rng = np.random.default_rng(0)
    scores, seeds = rng.normal(size=(8, 2, 3, 4)), rng.integers(0, 2**63, (2, 4)).astype(np.uint64)
    counts, policy = np.full((2, 4), 3), HeadPolicy("thompson", 0.1)
    before = rng.integers(0, 3, (2, 4))
    free = decide_scores(scores, counts, seeds, policy)
    assert np.array_equal(
        free.probabilities,
        decide_scores(scores, counts, seeds, policy, before=before).probabilities,
    )
    kept = decide_scores(scores, counts, seeds, policy, before=before, keep=0.5).probabilities
    assert not np.allclose(free.probabilities, kept)


def test_refusals_of_rewards_and_propensities_point_at_the_first_that_is_wrong():
    counts = BetaCounts.empty(1, 1)
    nought = np.zeros(3, np.int64)
    with pytest.raises(ValueError, match=r"impression 1 has reward 1.5"):
        counts.update(nought, nought, np.array([1.0, 1.5, 2.0]))
    with pytest.raises(ValueError, match=r"impression 2 has propensity 0.0"):
        Exp3.empty(1, 1).update(nought, nought, np.ones(3), np.array([0.5, 1.0, 0.0]))


def test_counts_of_nothing_are_counts():
    assert BetaCounts.empty(0, 3).mean.shape == (0, 3)
    assert BetaCounts.empty(3, 0).mean.shape == (3, 0)


def test_ucb1_knows_the_rounds_of_its_own_row_and_a_candidate_shown_once():
    # One row's bound must not grow by what was shown in another.
    takes = np.array([[5.0, 1.0], [500.0, 500.0]])
    counts = BetaCounts(takes, np.array([[5.0, 9.0], [500.0, 500.0]]))
    alone = BetaCounts(takes[:1], np.array([[5.0, 9.0]]))
    narrow = np.ones((2, 2), bool)
    for width in (0.1, 1.0, 2.0, 8.0):
        assert np.array_equal(ucb1(counts, narrow, width)[0], ucb1(alone, narrow[:1], width)[0])
    # Shown once and not taken, it is no longer new: ten takes of ten lie higher.
    once = BetaCounts(np.array([[1000.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert ucb1(once, ALL, width=0.01).tolist() == [[1.0, 0.0]]


def test_ucb1_counts_the_rounds_of_one_row_alone():
    # By 20 rounds the second is ahead, by 100,020 the first, which was shown less.
    takes, misses = np.array([[1.0, 8.0]]), np.array([[3.0, 8.0]])
    many = np.array([[50_000.0, 50_000.0]])
    counts = BetaCounts(np.vstack([takes, many]), np.vstack([misses, many]))
    valid = np.ones((2, 2), bool)
    assert ucb1(counts, valid, width=0.1)[0].tolist() == [0.0, 1.0]


def test_a_neural_bound_takes_each_heads_mean_out():
    # Both heads agree which is better; they differ in what they think of all candidates.
    scores = np.array([[[0.0, 1.0, 5.0], [10.0, 11.0, 5.0]]])
    two = np.array([[True, True, False]])
    assert neural_ucb(scores, two).tolist() == [[0.0, 1.0, 0.0]]
    # The first is ahead by mean; of three heads one is sure of the second.
    scores = np.array([[[1.0, 0.0], [1.0, 0.0], [-2.0, 3.0]]]) * 10
    assert neural_ucb(scores, ALL, width=0.0).tolist() == [[0.0, 1.0]]
    assert neural_ucb(-scores, ALL, width=0.0).tolist() == [[1.0, 0.0]]


def test_a_bound_is_one_deviation_wide():
    mean, deviation = np.array([[0.0, 1.0]]), np.array([[1.5, 0.0]])
    assert highest_bound(mean, deviation, ALL).tolist() == [[1.0, 0.0]]
    assert highest_bound(mean, deviation / 2, ALL).tolist() == [[0.0, 1.0]]


def test_the_strength_of_a_mean_stays_between_its_bounds():
    title = np.array([0, 0, 1, 1])
    size, noise = np.full(4, 100.0), np.full(2, 0.25)
    assert prior_strength(size, np.full(4, 0.5), noise, title) == MOST_IMPRESSIONS
    apart = np.array([0.0, 100.0, 0.0, 100.0])
    assert prior_strength(size, apart, noise, title) == LEAST_IMPRESSIONS
    alone = prior_strength(np.full(2, 100.0), np.array([0.1, 0.9]), noise, np.array([0, 1]))
    assert alone == PRIOR_IMPRESSIONS
