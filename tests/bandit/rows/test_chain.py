"""A chain of weights against every row that there is."""

import itertools

import numpy as np
import pytest

from bandit.rows.chain import ChainTitles, alone, chain_chances, draw_chain, probabilities

SLOTS, CANDIDATES, KEPT = 4, 4, 3


def titles_of(seed, pages=1, explore=0.0, strength=1.0, missing=False):
    rng = np.random.default_rng(seed)
    ranks = np.stack([rng.permutation(CANDIDATES)[:KEPT] for _ in range(SLOTS)])
    weights = rng.normal(size=(SLOTS, KEPT))
    if missing:
        weights[1, 2] = weights[2, 0] = -np.inf
    tilts = strength * rng.normal(size=(SLOTS, CANDIDATES, KEPT))
    tilts[0] = 0
    shape = (pages, SLOTS)
    return ChainTitles(
        *(np.broadcast_to(a, (pages, *a.shape)) for a in (weights, tilts, ranks)),
        np.ones((*shape, CANDIDATES), bool),
        np.full(shape, explore / CANDIDATES),
        np.full(shape, explore),
        np.zeros(shape, np.int64),
    )


def with_uniforms(titles, numbers):
    """Explored ranks as a look-up makes them: by where in the explored part a number falls."""
    share = np.maximum(titles.share, 1e-300)
    falls = np.minimum(numbers / share * CANDIDATES, CANDIDATES - 1).astype(np.int64)
    return titles._replace(explored=falls)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("strength", [1.0, 400.0])
def test_a_row_is_as_likely_as_the_product_of_its_weights(strength, missing):
    titles = titles_of(3, strength=strength, missing=missing)
    given, weights = chain_chances(titles)[0], titles.weights[0]
    tilts = titles.tilts[0].clip(-150, 150)
    logs, steps = [], []
    for row in itertools.product(range(KEPT), repeat=SLOTS):
        left = [0, *(titles.ranks[0, at, k] for at, k in enumerate(row[:-1]))]
        places = list(zip(range(SLOTS), left, row, strict=True))
        logs.append(sum(weights[at, k] + tilts[at, before, k] for at, before, k in places))
        steps.append(np.prod([given[place] for place in places]))
    whole = np.exp(np.array(logs) - max(logs))
    assert np.allclose(steps, whole / whole.sum(), atol=1e-12)
    assert np.allclose(given.sum(2), 1)


def test_without_neighbours_each_slot_is_drawn_by_itself():
    titles = titles_of(4, explore=0.1, strength=0.0)
    weights = np.exp(titles.weights[0])
    for chances in chain_chances(titles)[0].swapaxes(0, 1):
        assert np.allclose(chances, weights / weights.sum(1, keepdims=True))
    drawn = draw_chain(titles, np.full((1, SLOTS), 0.6))
    assert np.allclose(drawn.propensity, alone(titles, drawn))


def test_draws_follow_the_probabilities_that_are_logged():
    pages = 8_000
    titles = titles_of(5, pages, explore=0.2)
    numbers = np.random.default_rng(6).random((pages, SLOTS))
    titles = with_uniforms(titles, numbers)
    drawn = draw_chain(titles, numbers)
    chances = probabilities(titles, drawn)
    assert np.allclose(chances.sum(2), 1)
    own = np.take_along_axis(chances, drawn.choice[..., None], 2)[..., 0]
    assert np.allclose(own, drawn.propensity)
    shown = drawn.choice[..., None] == np.arange(CANDIDATES)
    apart = (shown - chances).sum(0) / np.sqrt((chances * (1 - chances)).sum(0))
    assert np.abs(apart).max() < 4
    # What is logged makes the even policy's mean weight 1, slot by slot and of whole rows.
    weight = CANDIDATES**-SLOTS / drawn.propensity.prod(1)
    assert abs(weight.mean() - 1) < 4 * weight.std() / np.sqrt(pages)
    lone = alone(titles, drawn)
    for slot in range(SLOTS):
        for rank in range(CANDIDATES):
            there = drawn.choice[:, slot] == rank
            chance = lone[there, slot].mean()
            assert np.ptp(lone[there, slot]) < 1e-12
            assert abs(there.mean() - chance) < 4 * np.sqrt(chance / pages)


def test_where_nothing_kept_may_be_shown_all_is_explored():
    titles = titles_of(7, explore=0.1)
    weights, share = titles.weights.copy(), titles.share.copy()
    weights[0, 2], share[0, 2] = -np.inf, 1.0
    even = share / CANDIDATES
    titles = titles._replace(weights=weights, share=share, even=even, explored=share.astype(int))
    drawn = draw_chain(titles, np.full((1, SLOTS), 0.9999))
    assert drawn.choice[0, 2] == 1
    assert drawn.propensity[0, 2] == pytest.approx(1 / CANDIDATES)
    assert np.allclose(probabilities(titles, drawn)[0, 2], 1 / CANDIDATES)
