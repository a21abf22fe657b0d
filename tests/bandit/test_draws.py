"""Draws: epochs that no draw decides, seeds of all that probabilities follow from, names of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.choice import profile_keys, uniforms
from bandit.draws import (
    Epochs,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
    sticky_votes,
    text_word,
)
from bandit.floor import epsilon_floor

KEYS = profile_keys([f"m{i}" for i in range(400)])[:, None]
TITLES = np.arange(1, 51)[None]


@pytest.mark.parametrize("days", [1, 3, 14])
def test_each_day_an_even_share_of_titles_begins_an_epoch(days):
    numbers = np.stack([epoch_numbers(KEYS, TITLES, 20_000 + d, days) for d in range(2 * days + 1)])
    begun = np.diff(numbers, axis=0)
    assert set(np.unique(begun)) <= {0, 1}
    assert (begun.sum(0) == 2).all()  # each lasts as many days as it says
    shares = begun.mean((1, 2))
    np.testing.assert_allclose(shares, 1 / days, atol=4 * np.sqrt(1 / days / begun[0].size) + 1e-9)


def test_neighbours_do_not_begin_together():
    begins = epoch_numbers(KEYS, TITLES, 20_000, 14) != epoch_numbers(KEYS, TITLES, 19_999, 14)
    of_member, of_title = begins.sum(1), begins.sum(0)
    even = begins.mean()
    assert abs(of_member.var() / (50 * even * (1 - even)) - 1) < 0.4
    assert abs(of_title.var() / (400 * even * (1 - even)) - 1) < 0.8


def seeds(**changed):
    parts = {"keys": KEYS, "titles": TITLES, "epochs": 3, "facts": 5, "candidates": 7, "bundle": 9}
    parts |= changed
    context = context_words(
        np.asarray(parts["facts"]), np.asarray(parts["candidates"], np.uint64), parts["bundle"]
    )
    return draw_seeds(
        parts["keys"], parts["titles"], np.asarray(parts["epochs"]), context, parts.get("salt", 1)
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": 4},
        {"facts": 6},
        {"candidates": 8},
        {"bundle": 10},
        {"salt": 2},
        {"titles": TITLES + 50},
    ],
)
def test_whatever_changes_the_probabilities_has_an_independent_number(changed):
    one, other = uniforms(seeds()).ravel(), uniforms(seeds(**changed)).ravel()
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(one.size)
    assert len(np.intersect1d(one, other)) == 0


def test_uniform_numbers_are_uniform():
    numbers = np.sort(uniforms(seeds()).ravel())
    steps = np.arange(1, len(numbers) + 1) / len(numbers)
    assert np.abs(numbers - steps).max() < 1.95 / np.sqrt(len(numbers))  # Kolmogorov, p = .001


def test_every_part_of_a_record_is_in_its_name():
    base = (
        np.array([1], np.uint64),
        KEYS[0],
        np.array([5]),
        np.array([8], np.uint64),
        np.array([0.25]),
        text_word("thompson", "b1", "personalised", None),
    )
    changed = [
        (np.array([2], np.uint64), *base[1:]),
        (base[0], KEYS[1], *base[2:]),
        (*base[:2], np.array([6]), *base[3:]),
        (*base[:3], np.array([9], np.uint64), *base[4:]),
        (*base[:4], np.nextafter(base[4], 1), base[5]),
        (*base[:5], text_word("thompson", "b1", "default", None)),
    ]
    names = {draw_ids(*parts)[0] for parts in [base, *changed]}
    assert len(names) == 1 + len(changed)
    assert draw_ids(*base) == draw_ids(*base)
    assert all(len(name) == 32 for name in names)


def test_texts_are_told_apart_by_where_they_end():
    assert text_word("ab", "c") != text_word("a", "bc")
    assert text_word("1") != text_word(1)


@given(
    votes=st.lists(st.integers(0, 16), min_size=2, max_size=7).filter(any),
    keep=st.floats(0, 0.99),
    epsilon=st.floats(0.001, 1),
    data=st.data(),
)
def test_the_floor_holds_on_what_is_given_what_was_shown(votes, keep, epsilon, data):
    shares = np.array([votes]) / sum(votes)
    before = data.draw(st.integers(-1, len(votes) - 1))
    valid = np.ones(shares.shape, bool)
    q = epsilon_floor(sticky_votes(shares, np.array([before]), keep), valid, epsilon)
    np.testing.assert_allclose(q.sum(), 1)
    assert (q >= epsilon / len(votes) - 1e-12).all()
    if before < 0:
        np.testing.assert_array_equal(q, epsilon_floor(shares, valid, epsilon))
    else:
        assert q[0, before] >= (1 - epsilon) * keep


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 400}, {"keep": 1.0}, {"keep": -0.1}])
def test_epochs_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"epoch|keep"):
        Epochs(**wrong)
