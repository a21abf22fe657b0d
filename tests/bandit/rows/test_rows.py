"""Rows decided jointly: exact probabilities, best rows where nothing is explored, learning."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.rows.orchestrate import orchestrate
from bandit.rows.pair_posterior import learn_pairs, pair_terms
from bandit.rows.row_chances import RowChances
from bandit.rows.row_values import row_scores
from bandit.thompson import thompson_probabilities

ROWS, HEADS, SLOTS, CANDIDATES = 3, 7, 4, 3
EVERY = np.array(list(product(range(CANDIDATES), repeat=SLOTS)))


def scores(seed: int, heads: int = HEADS):
    g = np.random.default_rng(seed)
    own = g.normal(size=(ROWS, heads, SLOTS, CANDIDATES))
    pair = g.normal(size=(ROWS, heads, SLOTS - 1, CANDIDATES, CANDIDATES))
    valid = g.random((ROWS, SLOTS, CANDIDATES)) < 0.7
    valid[..., 0] |= ~valid.any(-1)
    return own, pair, valid


def chances_of_every_row(policy: RowChances, row: int) -> np.ndarray:
    return policy.conditional(np.full(len(EVERY), row), EVERY).prod(1)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_without_pairs_a_row_is_decided_title_by_title(seed, epsilon):
    own, pair, valid = scores(seed)
    policy = orchestrate(own, 0 * pair, valid, epsilon)
    for at in range(SLOTS):
        alone = thompson_probabilities(own[:, :, at], valid[:, at], epsilon)
        given_left = policy.first[:, None] if at == 0 else policy.later[:, at - 1]
        np.testing.assert_array_equal(given_left, np.broadcast_to(alone[:, None], given_left.shape))


@given(st.integers(0, 10_000), st.floats(0.001, 1))
def test_every_row_of_candidates_is_possible_and_no_other(seed, epsilon):
    own, pair, valid = scores(seed)
    policy = orchestrate(own, pair, valid, epsilon)
    floor = epsilon / CANDIDATES
    for row in range(ROWS):
        chances = chances_of_every_row(policy, row)
        assert chances.sum() == pytest.approx(1, abs=1e-12)
        allowed = valid[row, np.arange(SLOTS), EVERY].all(1)
        assert (chances[~allowed] == 0).all()
        assert (chances[allowed] >= floor**SLOTS * (1 - 1e-9)).all()


@given(st.integers(0, 10_000))
def test_one_head_that_explores_nothing_takes_its_best_row(seed):
    own, pair, valid = scores(seed, heads=1)
    policy = orchestrate(own, pair, valid, 0.0)
    at = np.arange(SLOTS)
    for row in range(ROWS):
        worth = own[row, 0, at, EVERY].sum(1)
        worth += pair[row, 0, at[:-1], EVERY[:, :-1], EVERY[:, 1:]].sum(1)
        worth[~valid[row, at, EVERY].all(1)] = -np.inf
        assert chances_of_every_row(policy, row)[worth.argmax()] == 1


def test_parts_of_a_row_are_sums_over_the_rest_of_it():
    policy = orchestrate(*scores(4), 0.2)
    for row in range(ROWS):
        chances = chances_of_every_row(policy, row)
        parts = policy.parts(np.full(len(EVERY), row), EVERY)
        np.testing.assert_allclose(parts.slate, chances)
        for at in range(SLOTS):
            same = EVERY[:, None, at] == EVERY[None, :, at]
            np.testing.assert_allclose(parts.position[:, at], same @ chances)
            first = (EVERY[:, None, : at + 1] == EVERY[None, :, : at + 1]).all(2)
            np.testing.assert_allclose(parts.prefix[:, at], first @ chances)
            if at < SLOTS - 1:
                next_too = same & (EVERY[:, None, at + 1] == EVERY[None, :, at + 1])
                np.testing.assert_allclose(parts.pair[:, at], next_too @ chances)
        assert np.isnan(parts.pair[:, -1]).all()


def test_rows_are_drawn_as_often_as_their_propensities_say():
    policy = orchestrate(*scores(5), 0.3)
    draws = 40_000
    row = np.zeros(draws, np.int64)
    choice = policy.draw(row, np.random.default_rng(0).random((draws, SLOTS)))
    seen = np.bincount(choice @ CANDIDATES ** np.arange(SLOTS)[::-1], minlength=len(EVERY)) / draws
    expected = chances_of_every_row(policy, 0)
    assert (np.abs(seen - expected) < 5 * np.sqrt(expected / draws) + 1e-9).all()
    again = policy.draw(row, np.random.default_rng(0).random((draws, SLOTS)))
    np.testing.assert_array_equal(choice, again)


def test_a_score_that_is_no_number_is_refused():
    own, pair, valid = scores(1)
    own[1, 2, 3, 0] = np.nan
    valid[1, 3, 0] = True
    with pytest.raises(ValueError, match="score of NaN"):
        orchestrate(own, pair, valid, 0.1)
    valid[0, 1] = False
    own[1, 2, 3, 0] = 0
    with pytest.raises(ValueError, match="no valid candidate"):
        orchestrate(own, pair, valid, 0.1)


def test_terms_are_those_of_a_symmetric_form():
    g = np.random.default_rng(0)
    one, other = g.normal(size=(2, 50, 4))
    weights = g.normal(size=10)
    form = np.zeros((4, 4))
    form[np.triu_indices(4)] = weights
    form = form + form.T - np.diag(np.diag(form))
    np.testing.assert_allclose(
        pair_terms(one, other) @ weights, np.einsum("ni,ij,nj->n", one, form, other)
    )
    np.testing.assert_allclose(pair_terms(one, other), pair_terms(other, one))


@pytest.mark.parametrize("competition", [False, True])
def test_what_neighbours_do_is_learnt_back_with_its_doubt(competition):
    g = np.random.default_rng(8)
    truth = np.array([0.4, -0.3, 0.0])
    distances = []
    for _ in range(40):
        logit = g.normal(-1.5, 0.7, (3000, 4))
        terms = g.normal(size=(3000, 4, 3))
        odds = np.exp(logit + terms @ truth)
        if competition:
            ends = np.cumsum(odds / (1 + odds.sum(1, keepdims=True)), axis=1)
            point = g.random((3000, 1))
            played = (point < ends) & (point >= np.pad(ends, ((0, 0), (1, 0)))[:, :-1])
        else:
            played = g.random(odds.shape) < odds / (1 + odds)
        posterior = learn_pairs(logit, terms, played, competition)
        apart = posterior.mean - truth
        distances.append(apart @ np.linalg.solve(posterior.covariance, apart))
    # Chi-squared with three degrees of freedom: mean 3, SD of the mean of forty .39.
    assert 1.8 < np.mean(distances) < 4.2
    heads = posterior.heads(4000, g)
    np.testing.assert_allclose(heads.mean(0), posterior.mean, atol=0.01)
    np.testing.assert_allclose(np.cov(heads.T), posterior.covariance, atol=2e-4)


def test_nothing_seen_leaves_nothing_learnt():
    empty = learn_pairs(np.zeros((0, 4)), np.zeros((0, 4, 2)), np.zeros((0, 4), bool), True, 0.5)
    np.testing.assert_allclose(empty.mean, 0)
    np.testing.assert_allclose(empty.covariance, 0.25 * np.eye(2))


def test_scores_are_the_first_order_of_what_a_row_is_worth():
    g = np.random.default_rng(2)
    logit = g.normal(-2, 1, (2, 3, 3))
    liked = g.uniform(0.3, 0.9, (2, 3, 3))
    beside = 1e-4 * g.normal(size=(2, 1, 2, 3, 3))
    own, pair = row_scores(logit, liked, beside)
    at = np.arange(3)
    for row in np.array(list(product(range(3), repeat=3))):
        moved = logit[1, at, row].copy()
        added = beside[1, 0, at[:-1], row[:-1], row[1:]]
        moved[1:] += added
        moved[:-1] += added
        worth = (liked[1, at, row] / (1 + np.exp(-moved))).sum()
        said = own[1, 0, at, row].sum() + pair[1, 0, at[:-1], row[:-1], row[1:]].sum()
        assert said == pytest.approx(worth, abs=1e-7)
