"""Draws: epochs that no draw decides, seeds of all that probabilities follow from, names of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.choice import profile_keys, uniforms
from bandit.draws import (
    DrawRules,
    Epochs,
    artwork_words,
    candidate_words,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
    opening_salts,
    text_word,
)
from bandit.floor import epsilon_floor, sticky_votes

KEYS = profile_keys([f"m{i}" for i in range(400)])[:, None]
TITLES = np.arange(1, 51)[None]
PAIR = 0x658F024318315DB6
WORD = 0x6E34793BEAD5FD8A
SALTS = [0x0000000000000007, 0xFCF5ACF62E511731, 0x2AFC407BCC06ED58]
EPOCHS = [1429, 1429]
SEEDS = [0xF7FD01FA52D9C474, 0x08A452EA721BD7D5]
NAMES = ["acc1170d66d20570e9b02844edb5fe65", "8f2a60d1afd83995adb4bf1de1ab3e3e"]


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


def test_what_maps_and_logs_hold_is_computed_the_same_by_every_version():
    """Open draws in a store, and ids in a log, were made by the version before this one."""
    rules = DrawRules("b-1", "thompson", 0.1, 7, 100)
    keys, titles = profile_keys(["ana", "bo"]), np.array([5, 6])
    candidates = candidate_words(["5-a", "5-b", "6-a"], [0, 2, 3])
    context = context_words(np.array([-3, 4]), candidates, rules.word)
    epochs = epoch_numbers(keys, titles, 20_000, 14)
    seeds = draw_seeds(keys, titles, epochs, context, rules.salt)
    shown = np.array([text_word("5-a"), text_word("6-a")], np.uint64)
    names = draw_ids(seeds, keys, titles, shown, np.array([0.25, 1.0]), rules.record_word())
    assert rules.word == WORD
    assert rules.record_word() == rules.record_word("personalised", None)
    assert opening_salts(7, 20_000, 1).tolist() == SALTS
    assert epochs.tolist() == EPOCHS
    assert seeds.tolist() == SEEDS
    assert names == NAMES


def test_each_opening_of_a_draw_has_a_salt_of_its_own_by_what_it_follows_from():
    base = opening_salts(7, 20_000, 1)
    assert base[0] == 7
    for changed, moved in (
        (opening_salts(8, 20_000, 1), [True, True, True]),
        (opening_salts(7, 20_001, 1), [False, True, True]),
        (opening_salts(7, 20_000, 2), [False, False, True]),
        (opening_salts(7, 20_000, 1, 9), [False, True, False]),
    ):
        assert (changed != base).tolist() == moved


def test_texts_are_told_apart_by_where_they_end():
    assert text_word("ab", "c") != text_word("a", "bc")
    assert text_word("1") != text_word(1)
    assert text_word("5-a", "5-b") == PAIR
    words = artwork_words(["5-a", "5-b"])
    assert words.tolist() == [text_word("5-a"), text_word("5-b")]
    assert words.dtype == np.uint64
    low = next(name for name in map(str, range(99)) if text_word(name) < 2**63)
    assert artwork_words([low]).dtype == np.uint64


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
