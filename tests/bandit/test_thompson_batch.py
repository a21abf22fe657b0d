import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.choice import choose, uniforms
from bandit.floor import epsilon_floor, sticky_votes
from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bandit.thompson_batch import Workspace, decide_scores
from tests.bandit.cases import KINDS


@given(
    kind=KINDS,
    epsilon=st.floats(0, 1),
    heads=st.sampled_from([1, 3, 16, 300]),
    each=st.booleans(),
    ties=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_kernel_decides_members_and_titles_as_the_rule_does_one_by_one(
    kind, epsilon, heads, each, ties, seed
):
    rng = np.random.default_rng(seed)
    members, ranks, titles = rng.integers(1, [5, 7, 9])
    counts = rng.integers(1, ranks + 1, (members, titles) if each else titles)
    scores = rng.normal(size=(heads, members, ranks, titles)).astype(np.float32)
    scores = np.round(scores) if ties else scores
    there = np.broadcast_to(
        np.arange(ranks)[:, None] < np.atleast_2d(counts)[:, None], scores.shape[1:]
    )
    seeds = rng.integers(0, 2**64, (members, titles), np.uint64)
    policy = HeadPolicy(kind, epsilon)
    decided = decide_scores(
        np.where(there, scores, np.float32(-np.inf)), counts, seeds, policy, Workspace()
    )
    for title in range(titles):
        rule = scores[..., title].swapaxes(0, 1), there[..., title]
        expected = score_probabilities(*rule, policy)
        np.testing.assert_array_equal(decided.probabilities[..., title], expected)
        chosen = choose(expected, uniforms(seeds[:, title]))
        np.testing.assert_array_equal(decided.choice[:, title], chosen)
        picked = expected[np.arange(members), chosen]
        np.testing.assert_array_equal(decided.propensity[:, title], picked)


@given(keep=st.floats(0, 0.99), epsilon=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_the_kernel_leans_to_what_was_shown_before_as_the_rule_does(keep, epsilon, seed):
    rng = np.random.default_rng(seed)
    members, ranks, titles = rng.integers(1, [5, 7, 9])
    scores = rng.normal(size=(12, members, ranks, titles)).astype(np.float32)
    counts, seeds = np.full(titles, ranks), rng.integers(0, 2**64, (members, titles), np.uint64)
    before = rng.integers(-1, ranks, (members, titles))
    policy, every = HeadPolicy("thompson", epsilon), np.ones((members, ranks), bool)
    decided = decide_scores(scores, counts, seeds, policy, before=before, keep=keep)
    for title in range(titles):
        votes = decided.votes.share[..., title]
        expected = epsilon_floor(sticky_votes(votes, before[:, title], keep), every, epsilon)
        np.testing.assert_allclose(decided.probabilities[..., title], expected, atol=1e-15)
        chosen = choose(decided.probabilities[..., title], uniforms(seeds[:, title]))
        np.testing.assert_array_equal(decided.choice[:, title], chosen)


def test_a_score_of_nan_is_refused():
    scores = np.zeros((4, 2, 3, 5), np.float32)
    scores[1, 0, 2, 3] = np.nan
    seeds = np.zeros((2, 5), np.uint64)
    with pytest.raises(ValueError, match="NaN"):
        decide_scores(scores, np.full(5, 3), seeds, HeadPolicy("thompson", 0.1))


def test_arrays_are_used_again_whatever_the_size_of_the_next_block():
    rng = np.random.default_rng(0)
    room, policy = Workspace(), HeadPolicy("thompson", 0.1)
    for titles in (9, 3, 40):
        scores = rng.normal(size=(8, 4, 3, titles)).astype(np.float32)
        seeds = rng.integers(0, 2**64, (4, titles), np.uint64)
        counts = np.full(titles, 3)
        one, two = (decide_scores(scores, counts, seeds, policy, w) for w in (room, None))
        np.testing.assert_array_equal(one.probabilities, two.probabilities)
