import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.thompson import thompson_probabilities, thompson_votes
from tests.bandit.cases import head_scores


@given(case=head_scores())
def test_votes_are_each_heads_best_with_ties_split(case):
    scores, valid = case
    votes = thompson_votes(scores, valid)
    expected = np.zeros(valid.shape)
    for d, h in np.ndindex(scores.shape[:2]):
        best = [
            k for k in np.flatnonzero(valid[d]) if scores[d, h, k] == scores[d, h, valid[d]].max()
        ]
        expected[d, best] += 1 / len(best) / scores.shape[1]
    np.testing.assert_allclose(votes, expected, atol=1e-12)
    assert (votes[~valid] == 0).all()


@given(case=head_scores(), epsilon=st.floats(0.001, 1))
def test_every_valid_candidate_keeps_its_share_of_exploration(case, epsilon):
    scores, valid = case
    p = thompson_probabilities(scores, valid, epsilon)
    np.testing.assert_allclose(p.sum(-1), 1)
    assert (p[~valid] == 0).all()
    floor = epsilon / valid.sum(-1, keepdims=True) - 1e-12
    assert (p >= np.where(valid, floor, 0)).all()


def test_scores_laid_out_as_they_are_worked_on_are_left_alone():
    scores = np.random.default_rng(0).normal(size=(3, 4, 9)).transpose(2, 0, 1)
    kept = scores.copy()
    valid = np.ones((9, 4), bool)
    valid[:, 1] = False
    assert (thompson_votes(scores, valid)[:, 1] == 0).all()
    np.testing.assert_array_equal(scores, kept)


def test_blocks_and_layouts_give_the_same_and_leave_scores_alone():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(16, 6, 4000)).astype(np.float32).transpose(2, 0, 1)
    kept = scores.copy()
    valid = rng.random((4000, 6)) < 0.8
    valid[:, 0] = True
    votes = thompson_votes(scores, valid)
    np.testing.assert_array_equal(votes, thompson_votes(np.ascontiguousarray(scores), valid))
    np.testing.assert_array_equal(votes[7:8], thompson_votes(scores[7:8], valid[7:8]))
    np.testing.assert_array_equal(scores, kept)


def test_a_score_of_an_invalid_candidate_is_not_looked_at():
    scores = np.array([[[np.nan, 1.0, 2.0], [np.inf, 3.0, 2.0]]])
    valid = np.array([[False, True, True]])
    np.testing.assert_array_equal(thompson_votes(scores, valid), [[0, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("scores", "valid", "epsilon", "message"),
    [
        (np.zeros((2, 3, 2)), [[1, 1], [0, 0]], 0.1, "row 1 has no valid candidate"),
        (np.zeros((1, 3, 2)), [[1, 1, 1]], 0.1, r"must be \(1, 2\)"),
        (np.zeros((1, 0, 2)), [[1, 1]], 0.1, "no head"),
        (np.full((1, 1, 2), np.nan), [[1, 1]], 0.1, "row 0 has a score of NaN"),
        (np.zeros((1, 1, 2)), [[1, 1]], 1.5, "epsilon is 1.5"),
    ],
)
def test_what_cannot_be_voted_on_is_refused(scores, valid, epsilon, message):
    with pytest.raises(ValueError, match=message):
        thompson_probabilities(scores, np.array(valid, bool), epsilon)
