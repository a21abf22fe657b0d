"""Decisions under rules: exact conditional probabilities, from the same scores and seeds."""

import numpy as np
import pytest

from bandit.choice import choose, uniforms
from bandit.floor import epsilon_floor, sticky_votes
from bandit.head_policy import HeadPolicy
from bandit.rules.book import RuleBook
from bandit.rules.decide import Ruled, decide_again, decide_under_rules
from bandit.rules.rule import Rule
from bandit.thompson import thompson_votes
from bandit.thompson_batch import decide_scores

EPSILON, KEEP = 0.05, 0.5
NAMES = [f"{t}-{r}" for t in range(4) for r in range(4)]
STARTS = np.arange(5) * 4


@pytest.fixture
def ruled():
    rules = [
        (Rule("deny", "deny"), [0, 5]),
        (Rule("pin", "pin"), [6]),
        (Rule("floor", "floor", share=0.4), [8]),
        (Rule("cap", "cap", share=0.1), [9]),
    ]
    book = RuleBook([r for r, _ in rules], [a for _, a in rules], NAMES, STARTS)
    codes = np.tile(book.codes(book.case({}, 0), np.arange(4)), (300, 1))
    codes[::3] = 0  # members to whom no rule applies
    return Ruled(codes, book.effects)


def decide(ruled, kind="thompson", before=None):
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(8, 300, 4, 4)).astype(np.float32)
    scores[0, :, 0] = scores[0, :, 1]  # a head with ties
    seeds = rng.integers(0, 2**63, (300, 4)).astype(np.uint64)
    policy, counts = HeadPolicy.named(kind, EPSILON), np.full(4, 4)
    decided = decide_scores(scores, counts, seeds, policy, None, before, KEEP)
    plain = decided.probabilities.copy(), decided.choice.copy()
    if ruled is not None:
        decide_again(decided, scores, ruled, seeds, policy, before, KEEP)
    return scores, seeds, decided, plain


@pytest.mark.parametrize("kind", ["thompson", "greedy", "epsilon_greedy", "uniform"])
@pytest.mark.parametrize("lean", [False, True])
def test_what_is_left_is_decided_as_a_catalogue_of_it_alone(ruled, kind, lean):
    before = np.random.default_rng(2).integers(-1, 4, (300, 4)) if lean else None
    scores, seeds, decided, (plain, choice) = decide(ruled, kind, before)
    policy = HeadPolicy.named(kind, EPSILON)
    for title, gone in ((0, 0), (1, 1)):
        rows = np.flatnonzero(ruled.codes[:, title])
        kept = [rank for rank in range(4) if rank != gone]
        its = policy.considered(scores[:, rows, :, title][:, :, kept], 1)
        valid = np.ones((len(rows), 3), bool)
        votes = thompson_votes(its, valid)
        if before is not None:
            had = np.array([kept.index(b) if b in kept else -1 for b in before[rows, title]])
            votes = sticky_votes(votes, had, KEEP)
        wanted = epsilon_floor(votes, valid, policy.exploration)
        if title == 0:
            np.testing.assert_allclose(decided.probabilities[rows][:, kept, title], wanted)
            assert (decided.probabilities[rows, gone, title] == 0).all()
        else:  # pinned among them
            assert (decided.probabilities[rows, 2, title] == 1).all()
            assert (decided.choice[rows, title] == 2).all()
            assert (decided.propensity[rows, title] == 1).all()
    free = ruled.codes == 0
    was = plain.transpose(0, 2, 1)[free]
    assert (decided.probabilities.transpose(0, 2, 1)[free] == was).all()
    assert (decided.choice[free] == choice[free]).all()
    rows = decided.probabilities.transpose(0, 2, 1).reshape(-1, 4)
    np.testing.assert_allclose(rows.sum(1), 1)
    again = choose(rows, uniforms(seeds.reshape(-1)))
    assert (decided.choice.reshape(-1) == again).all()
    assert (decided.propensity.reshape(-1) == rows[np.arange(len(rows)), again]).all()


def test_floors_and_caps_hold_with_exploration_and_stickiness(ruled):
    before = np.full((300, 4), 1)
    _, _, decided, (plain, _) = decide(ruled, before=before)
    rows = np.flatnonzero(ruled.codes[:, 2])
    bounded = decided.probabilities[rows][:, :, 2]
    assert (plain[rows, 1, 2] > 0.1).all()  # what was shown before is leant towards
    assert (bounded[:, 0] >= 0.4).all()
    assert (bounded[:, 1] <= 0.1).all()
    assert (bounded >= EPSILON / 4 - 1e-15).all()


def test_a_score_that_is_no_number_is_refused(ruled):
    scores, seeds, decided, _ = decide(None)
    scores[0, 1, 1, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        decide_again(decided, scores, ruled, seeds, HeadPolicy("thompson", EPSILON))


@pytest.mark.parametrize("kind", ["thompson", "greedy", "epsilon_greedy", "uniform"])
def test_pages_decided_in_one_pass_have_the_bits_of_those_decided_again(ruled, kind):
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(8, 300, 4, 4)).astype(np.float32)
    scores[0, :, 0] = scores[0, :, 1]  # a head with ties
    counts = np.tile([4, 4, 4, 3], (300, 1))
    scores[:, :, 3, 3] = -np.inf
    seeds, policy = rng.integers(0, 2**63, (300, 4)).astype(np.uint64), HeadPolicy(kind, EPSILON)
    again = decide_scores(scores, counts, seeds, policy)
    decide_again(again, scores, ruled, seeds, policy)
    once = decide_under_rules(scores.copy(), counts, seeds, policy, ruled)
    for name in ("choice", "propensity", "probabilities"):
        assert (getattr(once, name) == getattr(again, name)).all(), name
