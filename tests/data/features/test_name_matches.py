"""A match of names, by whichever way it is computed: equal names, weight times weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.features import Names, NameTable, own_matches


def names(rng, rows, width, distinct):
    ids = rng.integers(0, distinct + 1, (rows, width))
    return Names(ids, (rng.normal(size=ids.shape) * (ids != 0)).astype(np.float32))


def by_hand(watched, shown):
    """[members, artworks], one pair of names after another."""
    found = np.zeros((len(watched.ids), len(shown.ids)))
    for member, artwork in np.ndindex(found.shape):
        for mine, weight in zip(*(part[member] for part in watched), strict=True):
            for theirs, counts in zip(*(part[artwork] for part in shown), strict=True):
                found[member, artwork] += weight * counts * (mine == theirs)
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    members=st.integers(0, 4),
    artworks=st.integers(0, 5),
    widths=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    distinct=st.integers(0, 6),
)
def test_every_way_of_matching_says_what_pairs_of_names_say(
    seed, members, artworks, widths, distinct
):
    rng = np.random.default_rng(seed)
    watched, shown = names(rng, members, widths[0], distinct), names(rng, artworks, widths[1], 3)
    want = by_hand(watched, shown)
    table = NameTable.of(shown)
    np.testing.assert_allclose(table.matches(watched), want, atol=1e-5)
    order = rng.permutation(artworks)
    np.testing.assert_allclose(table.at(order).matches(watched), want[:, order], atol=1e-5)
    candidates = shown.at(np.tile(order, (members, 1)))
    np.testing.assert_allclose(own_matches(watched, candidates), want[:, order], atol=1e-5)
    own = table.own(watched, np.tile(order, (members, 1)))
    np.testing.assert_allclose(own, want[:, order], atol=1e-5)
    few = shown.compact()
    assert few.ids.shape[1] <= shown.ids.shape[1]
    np.testing.assert_allclose(by_hand(watched, few), want, atol=1e-5)


def test_names_that_cancel_take_no_room():
    shown = Names(np.array([[7, 5, 7], [5, 0, 0]]), np.float32([[0.5, 0.25, -0.5], [1, 0, 0]]))
    few = shown.compact()
    assert few.ids.tolist() == [[5], [5]]
    assert few.weights.tolist() == [[0.25], [1.0]]


@pytest.mark.parametrize("strangers", [1, 9])
def test_whom_no_artwork_names_matches_nothing(strangers):
    shown = Names(np.array([[4], [6]]), np.float32([[1], [1]]))
    watched = Names(np.array([[strangers]]), np.float32([[1]]))
    assert not NameTable.of(shown).matches(watched).any()
