"""Kinds decided in order: exact joint probabilities, masks, and what is learnt of pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.choice import choose, uniforms
from bandit.kinds.after_first import decide_after_first
from bandit.kinds.in_order import NOT_SHOWN, chances_in_order, decide_in_order, kind_seeds
from bandit.kinds.kind_scores import KindScores
from bandit.kinds.kind_terms import KindTerms
from bandit.kinds.logistic_posterior import LogisticPosterior
from bandit.thompson import thompson_probabilities

DECISIONS, HEADS, SIZES = 4, 7, (6, 3, 3, 2)
PAIRS = [(0, 1), (0, 2), (1, 3)]


def scores(seed: int, heads: int = HEADS, pairs=PAIRS):
    g = np.random.default_rng(seed)
    own = tuple(g.normal(size=(DECISIONS, heads, size)) for size in SIZES)
    pair = {(i, j): g.normal(size=(DECISIONS, heads, SIZES[i], SIZES[j])) for i, j in pairs}
    valid = tuple(g.random((DECISIONS, size)) < 0.7 for size in SIZES)
    valid[0][~np.stack([v.any(1) for v in valid], 1).any(1), 0] = True
    return KindScores(own, pair), valid


def stands_for(valid):
    """Combinations that may come: candidate 0 stands for a kind that is not shown."""
    shown = [np.where(v.any(1)[:, None], v, np.arange(v.shape[1]) == 0) for v in valid]
    return np.einsum("na,nb,nc,nd->nabcd", *shown).astype(bool)


@given(st.integers(0, 10_000), st.floats(0.001, 1))
def test_all_combinations_sum_to_one_and_only_allowed_ones_come(seed, epsilon):
    given_scores, valid = scores(seed)
    joint = chances_in_order(given_scores, valid, epsilon).joint
    np.testing.assert_allclose(joint.sum((1, 2, 3, 4)), 1, atol=1e-12)
    np.testing.assert_array_equal(joint > 0, stands_for(valid))


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_what_is_chosen_has_the_probability_that_is_said(seed, epsilon):
    given_scores, valid = scores(seed)
    luck = np.random.default_rng(seed).random((DECISIONS, len(SIZES)))
    made = decide_in_order(given_scores, valid, epsilon, luck)
    joint = chances_in_order(given_scores, valid, epsilon).joint
    at = np.where(made.choice == NOT_SHOWN, 0, made.choice)
    np.testing.assert_allclose(made.joint, joint[(np.arange(DECISIONS), *at.T)], rtol=1e-12)
    absent = np.stack([~v.any(1) for v in valid], 1)
    np.testing.assert_array_equal(made.choice == NOT_SHOWN, absent)
    assert (made.propensity[absent] == 1).all()


def test_combinations_come_as_often_as_their_propensities_say():
    (own, pair), valid = scores(3)
    one = KindScores(tuple(o[:1] for o in own), {k: p[:1] for k, p in pair.items()})
    allowed = tuple(v[:1] for v in valid)
    expected = chances_in_order(one, allowed, 0.3).joint[0]
    draws = 20_000
    many = KindScores(
        tuple(np.repeat(o, draws, 0) for o in one.own),
        {k: np.repeat(p, draws, 0) for k, p in one.pair.items()},
    )
    repeated = tuple(np.repeat(v, draws, 0) for v in allowed)
    luck = np.random.default_rng(0).random((draws, len(SIZES)))
    choice = np.maximum(decide_in_order(many, repeated, 0.3, luck).choice, 0)
    seen = np.zeros(SIZES)
    np.add.at(seen, tuple(choice.T), 1 / draws)
    assert (np.abs(seen - expected) < 5 * np.sqrt(expected / draws) + 1e-9).all()


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_without_pairs_each_kind_is_decided_by_itself(seed, epsilon):
    given_scores, valid = scores(seed, pairs=[])
    joint = chances_in_order(given_scores, valid, epsilon).joint
    for at in range(len(SIZES)):
        rows = valid[at].any(1)
        alone = thompson_probabilities(given_scores.own[at][rows], valid[at][rows], epsilon)
        others = tuple(1 + axis for axis in range(len(SIZES)) if axis != at)
        np.testing.assert_allclose(joint.sum(others)[rows], alone, atol=1e-12)
        # And independent of the others: a combination's chance is the product.
        step = joint.sum(others, keepdims=True)
        np.testing.assert_allclose(joint, step * joint.sum(1 + at, keepdims=True), atol=1e-12)


@given(st.integers(0, 10_000))
def test_one_head_that_explores_nothing_takes_its_best_combination(seed):
    given_scores, valid = scores(seed, heads=1)
    best = given_scores.totals(valid)[:, 0].reshape(DECISIONS, -1).argmax(1)
    joint = chances_in_order(given_scores, valid, 0.0).joint.reshape(DECISIONS, -1)
    np.testing.assert_array_equal(joint[np.arange(DECISIONS), best], 1)


def test_what_a_surface_does_not_show_changes_nothing_of_the_rest():
    (own, pair), valid = scores(1)
    valid = tuple(np.ones_like(v) for v in valid)
    hidden = tuple(v & (at != 1) for at, v in enumerate(valid))
    without = {k: p for k, p in pair.items() if 1 not in k}
    there = chances_in_order(KindScores(own, pair), hidden, 0.1).joint[:, :, 0]
    alone = chances_in_order(
        KindScores((own[0], own[2], own[3]), {(0, 1): without[0, 2]}),
        (valid[0], valid[2], valid[3]),
        0.1,
    ).joint
    np.testing.assert_allclose(there, alone, atol=1e-12)


def test_artwork_keeps_the_draw_of_its_decision():
    seeds = np.array([3, 2**63 + 1], np.uint64)
    words = np.array([0, 5, 9], np.uint64)
    made = kind_seeds(seeds, words)
    np.testing.assert_array_equal(made[:, 0], seeds)
    assert len(np.unique(uniforms(made))) == made.size
    (own, _), valid = scores(2)
    allowed = (np.ones_like(valid[0]),)
    lone = KindScores(own[:1], {})
    luck = np.random.default_rng(1).random((DECISIONS, 1))
    today = choose(thompson_probabilities(own[0], allowed[0], 0.1), luck[:, 0])
    np.testing.assert_array_equal(decide_in_order(lone, allowed, 0.1, luck).choice[:, 0], today)


def test_what_cannot_be_decided_is_refused():
    given_scores, valid = scores(1)
    nobody = tuple(np.zeros_like(v) for v in valid)
    with pytest.raises(ValueError, match="decision row 0 shows no kind"):
        chances_in_order(given_scores, nobody, 0.1)
    with pytest.raises(ValueError, match="earlier first"):
        KindScores(given_scores.own, {(1, 0): np.zeros(1)}).totals(valid)
    with pytest.raises(ValueError, match="valid has shapes"):
        given_scores.totals(valid[:3])
    wide = tuple(np.zeros((1, 1, 30)) for _ in range(4))
    with pytest.raises(ValueError, match=r"810,000 combinations; only 10,000"):
        KindScores(wide, {}).totals(tuple(np.ones((1, 30), bool) for _ in range(4)))
    broken = KindScores(tuple(o.copy() for o in given_scores.own), {})
    broken.own[0][0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        decide_in_order(broken, tuple(np.ones_like(v) for v in valid), 0.1, np.zeros((4, 4)))


def test_scores_are_the_terms_times_the_weights():
    g = np.random.default_rng(4)
    terms = KindTerms(facts=3, places=(4, 5, 2), owns=(8, 6, 4), titles=5, rank=3)
    count, sizes = 6, (4, 3, 2)
    facts = g.normal(size=(count, 3))
    places = tuple(g.normal(size=(count, k, p)) for k, p in zip(sizes, terms.places, strict=True))
    owns = tuple(g.integers(-1, o, (count, k)) for k, o in zip(sizes, terms.owns, strict=True))
    weights = g.normal(size=(2, terms.size))
    total = terms.scores(weights, facts, places, owns).totals(
        tuple(np.ones((count, k), bool) for k in sizes)
    )
    row, title = np.arange(count), g.integers(0, 5, count)
    choice = np.stack([g.integers(0, k, count) for k in sizes], 1)
    shown = terms.of_chosen(
        facts,
        tuple(p[row, c] for p, c in zip(places, choice.T, strict=True)),
        tuple(o[row, c] for o, c in zip(owns, choice.T, strict=True)),
        title,
    )
    found = total[(row, slice(None), *choice.T)]
    # What all candidates of a decision share is left out of scores: facts and the title's level.
    shared = facts @ weights[:, :3].T + weights[:, 3:8].T[title]
    np.testing.assert_allclose(found + shared, shown @ weights.T)
    assert len(terms.prior_sd()) == terms.size == shown.shape[1]


def test_weights_are_learnt_back_with_their_doubt_in_any_batches():
    g = np.random.default_rng(5)
    distances = []
    for _ in range(30):
        truth = 0.5 * g.normal(size=4)
        terms = g.normal(size=(2000, 4))
        takes = (g.random(2000) < 1 / (1 + np.exp(1 - terms @ truth))).astype(float)
        terms = np.c_[terms, np.ones(2000)]
        whole = LogisticPosterior.before(np.full(5, 1.0)).update(terms, takes)
        parts = LogisticPosterior.before(np.full(5, 1.0))
        for at in range(0, 2000, 500):
            parts = parts.update(terms[at : at + 500], takes[at : at + 500])
        np.testing.assert_allclose(parts.mean, whole.mean, atol=0.02)
        apart = parts.mean - np.append(truth, -1)
        distances.append(apart @ parts.precision @ apart)
    assert 3.3 < np.mean(distances) < 6.9  # chi-squared of five: mean 5, SD of the mean .58
    heads = parts.heads(4000, g)
    np.testing.assert_allclose(np.cov(heads.T), np.linalg.inv(parts.precision), atol=6e-4)
    with pytest.raises(ValueError, match="outside"):
        parts.update(terms, takes + 1)
    with pytest.raises(ValueError, match="not above 0"):
        LogisticPosterior.before(np.zeros(2))


def test_a_block_that_says_nothing_shrinks_away_and_one_that_does_stays():
    g = np.random.default_rng(6)
    terms = g.normal(size=(5000, 40))
    truth = np.r_[0.3 * g.normal(size=20), np.zeros(20)]
    takes = (g.random(5000) < 1 / (1 + np.exp(-terms @ truth))).astype(float)
    before = LogisticPosterior.before(np.full(40, 0.2)).update(terms, takes)
    after = before.rescaled([np.arange(20), np.arange(20, 40)])
    scale = after.prior**-0.5
    assert 0.2 < scale[0] < 0.45
    assert scale[-1] < 0.03
    assert (
        np.square(after.mean - truth)[20:].sum() < 0.3 * np.square(before.mean - truth)[20:].sum()
    )
    # And taking the same scales from the start says the same, but for where the curve is measured.
    fresh = LogisticPosterior.before(scale).update(terms, takes)
    np.testing.assert_allclose(after.mean, fresh.mean, atol=0.02)


def test_a_kind_without_a_candidate_column_is_one_that_is_not_shown():
    given_scores, valid = scores(5)
    none = list(valid)
    none[1] = np.zeros_like(valid[1])
    expected = chances_in_order(given_scores, tuple(none), 0.1).joint
    own, pair = list(given_scores.own), dict(given_scores.pair)
    own[1], none[1] = own[1][:, :, :0], none[1][:, :0]
    pair[0, 1], pair[1, 3] = pair[0, 1][..., :0], pair[1, 3][:, :, :0]
    joint = chances_in_order(KindScores(tuple(own), pair), tuple(none), 0.1).joint
    np.testing.assert_array_equal(joint, expected[:, :, :1])
    luck = np.full((DECISIONS, len(SIZES)), 0.5)
    made = decide_in_order(KindScores(tuple(own), pair), tuple(none), 0.1, luck)
    assert (made.choice[:, 1] == NOT_SHOWN).all()
    assert (made.propensity[:, 1] == 1).all()


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_what_comes_after_a_first_kind_has_its_probability_given_that(seed, epsilon):
    given_scores, valid = scores(seed)
    g = np.random.default_rng(seed)
    chances = g.dirichlet(np.ones(SIZES[0]), DECISIONS)
    first = chances.argmax(1)
    others = (np.ones((DECISIONS, SIZES[1]), bool), *valid[2:])
    luck = g.random((DECISIONS, 3))
    made = decide_after_first(given_scores, others, first, chances, epsilon, luck)
    np.testing.assert_allclose(made.combinations.sum((2, 3, 4)), chances, atol=1e-12)
    at = np.maximum(made.made.choice, 0)
    said = made.combinations[(np.arange(DECISIONS), first, *at.T)]
    np.testing.assert_allclose(
        chances[np.arange(DECISIONS), first] * made.made.joint, said, rtol=1e-9, atol=1e-12
    )
    # The best after the first, by sums that are written out.
    greedy = KindScores(
        tuple(part[:, :1] for part in given_scores.own),
        {pair: part[:, :1] for pair, part in given_scores.pair.items()},
    )
    best = decide_after_first(greedy, others, first, chances, 0.0, luck).made.choice
    for row in range(DECISIONS):
        worth = {}
        for b, c, d in np.ndindex(*SIZES[1:]):
            if not all(
                there[row, one] if there[row].any() else not one
                for there, one in zip(others, (b, c, d), strict=True)
            ):
                continue
            absent = [not there[row].any() for there in others]
            total = 0.0
            for kind, one in enumerate((b, c, d), 1):
                total += 0 if absent[kind - 1] else greedy.own[kind][row, 0, one]
            total += greedy.pair[0, 1][row, 0, first[row], b]
            total += 0 if absent[1] else greedy.pair[0, 2][row, 0, first[row], c]
            total += 0 if absent[2] else greedy.pair[1, 3][row, 0, b, d]
            worth[b, c, d] = total
        assert tuple(np.maximum(best[row], 0)) == max(worth, key=lambda key: worth[key])


def test_terms_beside_another_model_learn_what_that_leaves_unsaid():
    g = np.random.default_rng(0)
    terms = KindTerms(2, (3, 2), (0, 4), rank=2, bare=(0,))
    assert not any(name == "main 0" and size for name, size, _ in terms._blocks())
    facts = np.concatenate([np.ones((4000, 1)), g.normal(size=(4000, 1))], 1)
    places = (g.normal(size=(4000, 3)), g.normal(size=(4000, 2)))
    owns = (np.full(4000, -1), g.integers(0, 4, 4000))
    made = terms.of_chosen(facts, places, owns)
    truth = 0.4 * g.normal(size=terms.size)
    already = g.normal(size=4000)
    takes = (g.random(4000) < 1 / (1 + np.exp(-(made @ truth + already)))).astype(float)
    prior = LogisticPosterior.before(terms.prior_sd())
    beside, without = prior.update(made, takes, already), prior.update(made, takes)
    errors = [np.abs(made @ (one.mean - truth)).mean() for one in (beside, without)]
    assert errors[0] < 0.3 * np.abs(made @ truth).mean()
    assert errors[0] < 0.8 * errors[1]
    one = tuple(place[:5, None] for place in places)
    scored = terms.scores(beside.mean[None], facts[:5], one, tuple(own[:5, None] for own in owns))
    total = scored.totals(tuple(np.ones((5, 1), bool) for _ in one)).ravel()
    np.testing.assert_allclose(total, made[:5, 2:] @ beside.mean[2:], rtol=1e-9)
