"""Pages decided together as rows: the exact numbers of the chain, under every policy and rule."""

from itertools import pairwise

import numpy as np
import pytest

from bandit.head_policy import HeadPolicy
from bandit.rows.decide_rows import RowValues, decide_rows
from bandit.rows.orchestrate import orchestrate
from bandit.rows.take_values import take_values
from bandit.rules.decide import Ruled, RuleEffects
from bandit.rules.effect import FREE, Effect

SLOTS, PAGES, HEADS, RANKS = 5, 7, 9, 4
THOMPSON = HeadPolicy("thompson", 0.1)


def made(seed=0, effect=1.0):
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(SLOTS, PAGES, RANKS, HEADS))
    beside = effect * rng.normal(size=(SLOTS, PAGES, RANKS, RANKS, HEADS))
    beside[0] = 0
    allowed = rng.random((SLOTS, PAGES, RANKS)) < 0.8
    allowed[..., 0] = True
    return RowValues(own, beside), allowed, rng.random((PAGES, SLOTS))


def copied(values):
    return RowValues(values.own.copy(), values.beside.copy())


def test_they_are_the_numbers_of_the_chain():
    values, allowed, uniforms = made()
    own, pair = values.own.transpose(1, 3, 0, 2), values.beside[1:].transpose(1, 4, 0, 3, 2)
    chain = orchestrate(own, pair, allowed.swapaxes(0, 1), 0.1)

    rows = decide_rows(copied(values), allowed, uniforms, THOMPSON)

    page = np.arange(PAGES)
    assert rows.choice.tolist() == chain.draw(page, uniforms).tolist()
    parts = chain.parts(page, rows.choice)
    np.testing.assert_allclose(rows.propensity, chain.conditional(page, rows.choice), atol=1e-15)
    np.testing.assert_allclose(rows.propensity.prod(1), parts.slate, atol=1e-15)
    np.testing.assert_allclose(rows.alone, parts.position, atol=1e-15)
    np.testing.assert_allclose(rows.probabilities.sum(1), 1, atol=1e-12)
    assert not rows.probabilities.transpose(2, 0, 1)[~allowed].any()


def test_a_choice_falls_as_often_as_its_propensity_says():
    values, allowed, _ = made(1)
    draws, rng = 4000, np.random.default_rng(5)
    one = RowValues(*(np.repeat(part[:, :1], draws, 1) for part in values))
    rows = decide_rows(
        one, np.repeat(allowed[:, :1], draws, 1), rng.random((draws, SLOTS)), THOMPSON
    )
    for at in range(SLOTS):
        for rank in np.unique(rows.choice[:, at]):
            mine = rows.choice[:, at] == rank
            said = rows.alone[mine, at][0]
            assert abs(mine.mean() - said) < 5 * np.sqrt(said * (1 - said) / draws) + 1e-9
    # The mean of one over a row's propensity counts the rows that there are.
    count = allowed[:, 0].sum(1).prod()
    weights = 1 / rows.propensity.prod(1)
    assert abs(weights.mean() / count - 1) < 5 * weights.std() / weights.mean() / np.sqrt(draws)


def test_without_pairs_each_slot_is_decided_as_a_title_by_itself():
    values, allowed, uniforms = made(2, effect=0.0)
    rows = decide_rows(copied(values), allowed, uniforms, THOMPSON)
    np.testing.assert_allclose(rows.alone, rows.propensity, atol=1e-12)
    order = np.random.default_rng(0).permutation(SLOTS)
    turned = RowValues(values.own[order], values.beside)
    other = decide_rows(turned, allowed[order], uniforms[:, order], THOMPSON)
    assert other.choice.tolist() == rows.choice[:, order].tolist()
    assert other.propensity.tolist() == rows.propensity[:, order].tolist()


@pytest.mark.parametrize("kind", ["greedy", "epsilon_greedy", "uniform"])
def test_other_policies_ask_the_mean_of_the_heads(kind):
    values, allowed, uniforms = made(3)
    policy = HeadPolicy(kind, 0.1)
    mean = RowValues(values.own.mean(3, keepdims=True), values.beside.mean(4, keepdims=True))
    rows = decide_rows(copied(values), allowed, uniforms, policy)
    own, pair = mean.own.transpose(1, 3, 0, 2), mean.beside[1:].transpose(1, 4, 0, 3, 2)
    chain = orchestrate(own, pair, allowed.swapaxes(0, 1), policy.exploration)
    page = np.arange(PAGES)
    np.testing.assert_allclose(rows.propensity, chain.conditional(page, rows.choice), atol=1e-12)


def test_pages_of_other_lengths_change_nothing_for_a_page():
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(SLOTS, 2, RANKS, HEADS))
    coordinates = rng.normal(size=(SLOTS, 2, RANKS, 3))
    forms = 0.3 * rng.normal(size=(HEADS, 3, 3))
    allowed, uniforms = np.ones((SLOTS, 2, RANKS), bool), rng.random((2, SLOTS))
    both = take_values(logits, coordinates, forms, np.array([SLOTS, 3]))
    rows = decide_rows(both, allowed, uniforms, THOMPSON)
    short = take_values(logits[:3, 1:], coordinates[:3, 1:], forms, np.array([3]))
    alone = decide_rows(short, allowed[:3, 1:], uniforms[1:, :3], THOMPSON)
    assert alone.choice[0].tolist() == rows.choice[1, :3].tolist()
    assert alone.propensity[0].tolist() == rows.propensity[1, :3].tolist()


def test_values_are_takes_to_first_order():
    rng = np.random.default_rng(6)
    logits = rng.normal(size=(3, 1, RANKS, 1)) - 1
    coordinates, forms = (
        rng.normal(size=(3, 1, RANKS, 2)),
        np.array([[[0.02, 0.01], [0.01, -0.03]]]),
    )
    values = take_values(logits, coordinates, forms, np.array([3]))
    choice = [1, 3, 0]
    at = [(slot, 0, rank, 0) for slot, rank in enumerate(choice)]
    said = sum(values.own[one] for one in at) + sum(
        values.beside[slot, 0, choice[slot], choice[slot - 1], 0] for slot in (1, 2)
    )
    shown = [coordinates[slot, 0, rank] for slot, rank in enumerate(choice)]
    pairs = [a @ forms[0] @ b for a, b in pairwise(shown)]
    added = [pairs[0], pairs[0] + pairs[1], pairs[1]]
    exact = sum(1 / (1 + np.exp(-logits[one] - more)) for one, more in zip(at, added, strict=True))
    plain = sum(1 / (1 + np.exp(-logits[one])) for one in at)
    assert abs(said - exact) < 0.05 * abs(exact - plain)


def test_rules_hold_and_the_row_is_planned_around_them():
    values, allowed, uniforms = made(7)
    allowed[:] = True
    barred, wide = np.array([True, False, True, True]), np.ones(RANKS)
    effects = RuleEffects.of(
        [
            None,
            Effect(barred, np.zeros(RANKS), barred * wide, FREE, 1, ("deny",)),
            Effect(wide > 0, np.zeros(RANKS), wide, 2, 2, ("pin",)),
            Effect(wide > 0, np.array([0.4, 0, 0, 0]), wide, FREE, 3, ("floor",)),
        ],
        RANKS,
    )
    codes = np.zeros((PAGES, SLOTS), np.int64)
    codes[:, 1], codes[:, 2], codes[:, 4] = 1, 2, 3
    rows = decide_rows(copied(values), allowed, uniforms, THOMPSON, Ruled(codes, effects))
    assert not rows.probabilities[:, 1, 1].any()
    assert (rows.choice[:, 2] == 2).all()
    assert rows.propensity[:, 2].tolist() == [1.0] * PAGES
    assert rows.alone[:, 2] == pytest.approx([1.0] * PAGES)
    assert (rows.probabilities[:, 0, 4] >= 0.4 - 1e-12).all()
    np.testing.assert_allclose(rows.probabilities.sum(1), 1, atol=1e-12)
    # The slot before a pin knows what comes: as if nothing else could be there.
    only = allowed.copy()
    only[2], only[1] = [False, False, True, False], barred
    first = decide_rows(copied(values), only, uniforms, THOMPSON)
    assert rows.probabilities[..., 0].tolist() == first.probabilities[..., 0].tolist()


def test_a_score_that_is_no_number_is_refused():
    values, allowed, uniforms = made(8)
    values.own[1, 2, 0, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        decide_rows(values, allowed, uniforms, THOMPSON)
