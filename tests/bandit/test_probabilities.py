from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.head_policy import HeadPolicy, PolicyKind
from bandit.probabilities import head_scores, score_probabilities
from tests.bandit.cases import KINDS
from tests.bandit.cases import head_scores as any_scores


def one_by_one(scores, valid, policy):
    """What the kinds of policy are, said with loops."""
    expected = np.zeros(valid.shape)
    for row, (heads, there) in enumerate(zip(scores, valid, strict=True)):
        if policy.kind != "thompson":
            heads = heads.mean(0, keepdims=True)
        for head in heads:
            best = np.flatnonzero(there & (head == head[there].max()))
            expected[row, best] += 1 / len(best) / len(heads)
        share = {"greedy": 0.0, "uniform": 1.0}.get(policy.kind, policy.epsilon)
        expected[row] = (1 - share) * expected[row] + share * there / there.sum()
    return expected


@given(case=any_scores(), kind=KINDS, epsilon=st.floats(0, 1))
def test_each_kind_gives_what_it_says(case, kind, epsilon):
    policy = HeadPolicy(kind, epsilon)
    got = score_probabilities(*case, policy)
    np.testing.assert_allclose(got, one_by_one(*case, policy), atol=1e-6)
    np.testing.assert_allclose(got.sum(1), 1)
    assert (got[~case[1]] == 0).all()


@given(kind=KINDS, shared=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_functionals_and_vectors_are_multiplied(kind, shared, seed):
    rng = np.random.default_rng(seed)
    functionals = rng.normal(size=(5, 4, 3))
    vectors = rng.normal(size=(1 if shared else 5, 6, 3))
    valid = rng.random((5, 6)) < 0.7
    valid[:, 0] = True
    policy = HeadPolicy(kind, 0.1)
    scores = np.einsum("dhr,dkr->dhk", functionals, np.broadcast_to(vectors, (5, 6, 3)))
    np.testing.assert_array_equal(
        score_probabilities(head_scores(functionals, vectors), valid, policy),
        score_probabilities(scores, valid, policy),
    )


def test_greedy_never_explores_and_epsilon_greedy_does():
    scores = np.array([[[1.0, 0.0, 0.0], [0.0, 3.0, 0.0]]])
    valid = np.ones((1, 3), bool)
    for kind, expected in {
        "greedy": [0, 1, 0],
        "epsilon_greedy": [0.1, 0.8, 0.1],
        "thompson": [0.45, 0.45, 0.1],
        "uniform": [1 / 3, 1 / 3, 1 / 3],
    }.items():
        got = score_probabilities(scores, valid, HeadPolicy.named(kind, 0.3))
        np.testing.assert_allclose(got, [expected])


@pytest.mark.parametrize(
    ("kind", "epsilon", "message"),
    [
        ("greeedy", 0.1, "'greeedy' is not one of thompson, greedy, epsilon_greedy, uniform$"),
        ("thompson", 1.5, "epsilon is 1.5; it is a probability, from 0 to 1$"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(kind, epsilon, message):
    with pytest.raises(ValueError, match=message):
        HeadPolicy.named(kind, epsilon)


def test_every_kind_is_examined():
    assert set(get_args(PolicyKind)) == {"greedy", "epsilon_greedy", "thompson", "uniform"}


def test_as_many_vote_as_are_considered():
    scores = np.zeros((2, 16, 3))
    for kind in get_args(PolicyKind):
        policy = HeadPolicy(kind)
        assert policy.voters(16) == policy.considered(scores, 1).shape[1]
    assert HeadPolicy().voters(16) == 16
