"""A page's draws, arranged for few titles, are those that maps and logs work out step by step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.choice import title_words
from bandit.draws import (
    DrawRules,
    Epochs,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
)
from serve.live.page_draws import PageWords, open_draws, opening_words

WORD = st.integers(0, 2**64 - 1)
PAGE = st.builds(PageWords, WORD, st.integers(-(2**31), 2**32), WORD, st.integers(0, 99_999), WORD)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(PAGE, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), WORD, WORD), min_size=1, max_size=5),
    st.integers(-(2**70), 2**70),
    st.integers(1, 366),
    st.floats(0, 1),
)
def test_they_are_the_draws_of_the_definition(pages, titles, salt, days, propensity):
    ids = np.array([title for title, _, _ in titles])
    pools, actions = np.array([row[1:] for row in titles], np.uint64).T
    rules = DrawRules("bundle", "thompson", 0.05, salt, 20, Epochs(days))
    at = np.broadcast_to(np.arange(len(ids)), (len(pages), len(ids)))

    drawn = open_draws(pages, opening_words(title_words(ids), pools)[:, at], rules)
    names = drawn.ids(actions[at], np.full(at.shape, propensity))

    expected_names = []
    for row, page in enumerate(pages):
        key = np.array([page.key], np.uint64)
        epochs = epoch_numbers(key, ids, page.day, days)
        contexts = context_words(np.array([page.fingerprint]), pools, rules.word)
        seeds = draw_seeds(key, ids, epochs, contexts ^ np.uint64(page.own), salt)
        assert drawn.epochs[row].tolist() == epochs.tolist()
        assert drawn.seeds[row].tolist() == seeds.tolist()
        chances = np.full(len(ids), propensity)
        expected_names += draw_ids(seeds, key, ids, actions, chances, page.record)
    assert names == expected_names
