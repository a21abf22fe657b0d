"""Kinds of many decisions at once: what one by one says, codes that stand for it, and leaning."""

import numpy as np
import pytest

from bandit.kinds.after_first import decide_after_first
from bandit.kinds.kind_scores import KindScores
from bandit.kinds.many import (
    UNKNOWN,
    Leaning,
    ManyKinds,
    candidates_with_kinds,
    combinations_of,
    decide_many,
    steps_of,
)

HEADS, TITLES, SIZES, COUNT = 16, 5, (4, 3, 2), 400


def world(seed=0, ties=False):
    """Decisions of titles with four artworks and two kinds, of which some are not shown."""
    rng = np.random.default_rng(seed)
    title = rng.integers(0, TITLES, COUNT)

    def drawn(*shape):
        return rng.integers(0, 3, shape).astype(float) if ties else rng.normal(size=shape)

    own = [drawn(HEADS, size, COUNT) for size in SIZES[1:]]
    pair = {
        (one, other): drawn(HEADS, SIZES[one], SIZES[other], TITLES)
        for one, other in ((0, 1), (0, 2), (1, 2))
    }
    allowed = [rng.random((size, COUNT)) < 0.7 for size in SIZES[1:]]
    allowed[0][:, allowed[0].sum(0) + allowed[1].sum(0) == 0] = True
    many = ManyKinds(own, pair, title, allowed, SIZES[0])
    first, luck = rng.integers(0, SIZES[0], COUNT), rng.random((2, COUNT))
    return many, first, luck, rng


def one_by_one(many, first, luck, epsilon, chances):
    own = [np.zeros((COUNT, HEADS, SIZES[0])), *(np.moveaxis(of, 2, 0) for of in many.own)]
    pair = {key: np.moveaxis(of[..., many.title], 3, 0) for key, of in many.pair.items()}
    valid = tuple(of.T for of in many.allowed)
    return decide_after_first(KindScores(tuple(own), pair), valid, first, chances, epsilon, luck.T)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("every", [False, True])
def test_many_are_decided_as_one_by_one(every, ties):
    many, first, luck, rng = world(ties=ties)
    chances = rng.dirichlet(np.ones(SIZES[0]), COUNT)
    alone = one_by_one(many, first, luck, 0.2, chances)
    none, leaning = np.full((3, COUNT), -1), Leaning(HEADS, 0.2, 0.5)
    found = decide_many(many, first, none, luck, leaning, every)
    np.testing.assert_array_equal(found.choice, alone.made.choice.T)
    np.testing.assert_allclose(found.propensity, alone.made.propensity.T, atol=1e-12)
    if not every:
        assert found.codes is None
        return
    assert found.codes.shape == (COUNT, steps_of(SIZES))
    assert (found.codes != UNKNOWN).all()
    for at in range(0, COUNT, 7):
        kept = [np.flatnonzero(of[:, at]) if of[:, at].any() else [0] for of in many.allowed]
        said = combinations_of(found.codes[at][None], SIZES, kept, chances[at][None], leaning)
        want = alone.combinations[at][:, kept[0]][:, :, kept[1]]
        np.testing.assert_allclose(said.ravel(), want.ravel(), atol=1e-12)


def test_a_new_draw_leans_towards_what_stood_beside_the_same_artwork():
    many, first, luck, rng = world(3)
    many = many._replace(allowed=[np.ones_like(of) for of in many.allowed])
    plain = Leaning(HEADS, 0.1, 0.0)
    had = np.stack([rng.integers(0, size, COUNT) for size in SIZES])
    leaning = Leaning(HEADS, 0.1, 0.5)
    found = decide_many(many, first, had, luck, leaning, True)
    alone = decide_many(many, first, np.full_like(had, -1), luck, plain, True)
    again = decide_many(many, first, had, luck, leaning, False)
    np.testing.assert_array_equal(found.choice, again.choice)
    np.testing.assert_array_equal(found.propensity, again.propensity)
    chances, kept = np.full((COUNT, SIZES[0]), 0.25), [np.arange(size) for size in SIZES[1:]]
    leant = combinations_of(found.codes, SIZES, kept, chances, leaning).reshape(COUNT, *SIZES)
    freely = combinations_of(alone.codes, SIZES, kept, chances, plain).reshape(COUNT, *SIZES)
    np.testing.assert_allclose(leant.sum((1, 2, 3)), 1)
    rows = np.arange(COUNT)
    # Beside another artwork nothing leans; beside the same one half of the votes go to it.
    other = (had[0] + 1) % SIZES[0]
    np.testing.assert_allclose(leant[rows, other], freely[rows, other], atol=1e-12)
    before, after = freely[rows, had[0]].sum(2) * 4, leant[rows, had[0]].sum(2) * 4
    votes = (before - 0.1 / 3) / 0.9
    want = 0.9 * (0.5 * votes + 0.5 * (np.arange(3) == had[1][:, None])) + 0.1 / 3
    np.testing.assert_allclose(after, want, atol=1e-12)
    stays = (found.choice[0] == had[1]) & (first == had[0])
    assert stays.sum() > 0.5 * (first == had[0]).sum()


def test_words_of_titles_without_assets_change_nothing():
    candidates = np.array([1, 2], np.uint64)
    made = candidates_with_kinds(candidates, np.array([0, 9], np.uint64))
    assert made[0] == 1
    assert made[1] != 2
