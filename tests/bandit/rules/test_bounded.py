"""Floors and caps by exact projection: the nearest probabilities, with exploration kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bandit.floor import mix_exploration
from bandit.rules.bounded import least_chances, within_bounds

EPSILON = 0.06


def bounded_by(chances, allowed, floors, caps, epsilon):
    return within_bounds(chances, least_chances(allowed, floors, caps, epsilon), caps)


@st.composite
def bounded_rows(draw):
    """Rows of probabilities with exploration, and bounds that some probabilities keep."""
    rows, ranks = draw(st.integers(1, 5)), draw(st.integers(2, 7))
    allowed = draw(hnp.arrays(bool, (rows, ranks)))
    allowed[:, :2] = True
    shares = draw(hnp.arrays(float, (rows, ranks), elements=st.floats(0, 1))) * allowed
    shares[:, 0] += 1e-3
    shares /= shares.sum(1, keepdims=True)
    floors = draw(hnp.arrays(float, (rows, ranks), elements=st.sampled_from([0, 0, 0.05, 0.3])))
    floors *= allowed
    floors /= np.maximum(floors.sum(1, keepdims=True), 1)
    caps = draw(hnp.arrays(float, (rows, ranks), elements=st.sampled_from([1, 1, 0.2, 0.6])))
    caps = np.maximum(caps, floors) * allowed
    caps[caps.sum(1) < 1] = allowed[caps.sum(1) < 1]
    counts = allowed.sum(1, keepdims=True)
    return mix_exploration(shares, allowed, counts, EPSILON), allowed, floors, caps


@given(bounded_rows())
def test_bounds_hold_and_exploration_stays(case):
    chances, allowed, floors, caps = case
    bounded = bounded_by(chances, allowed, floors, caps, EPSILON)
    np.testing.assert_allclose(bounded.sum(1), 1, atol=1e-12)
    assert (bounded >= floors - 1e-15).all()
    assert (bounded <= caps + 1e-15).all()
    assert (bounded[~allowed] == 0).all()
    left = np.minimum(EPSILON, 1 - floors.sum(1))[:, None] / allowed.sum(1, keepdims=True)
    least = np.minimum(left, caps)
    assert (bounded >= least * allowed - 1e-12).all()


@given(bounded_rows())
def test_no_probabilities_within_the_bounds_are_nearer(case):
    """By bisection of the shift, which is another way to the same point."""
    chances, allowed, floors, caps = case
    explored = np.minimum(EPSILON, np.maximum(1 - floors.sum(1), 0)) / allowed.sum(1)
    low = np.where(allowed, np.minimum(np.maximum(floors, explored[:, None]), caps), 0)
    bounded = bounded_by(chances, allowed, floors, caps, EPSILON)
    for p, least, most, q in zip(chances, low, caps, bounded, strict=True):
        below, above = -2.0, 2.0
        for _ in range(80):
            middle = (below + above) / 2
            below, above = (
                (middle, above) if np.clip(p + middle, least, most).sum() < 1 else (below, middle)
            )
        np.testing.assert_allclose(q, np.clip(p + above, least, most), atol=1e-9)


@given(bounded_rows())
def test_a_row_has_the_same_bits_alone_and_with_padding(case):
    chances, allowed, floors, caps = case
    bounded = bounded_by(chances, allowed, floors, caps, EPSILON)
    for row in range(len(chances)):
        p, may, low, high = (np.pad(a[row : row + 1], ((0, 0), (0, 3))) for a in case)
        alone = bounded_by(p, may, low, high, EPSILON)
        assert (alone[0, : chances.shape[1]] == bounded[row]).all()


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 0.5), (0.1, 0.25)])
def test_a_floor_that_holds_already_changes_nothing(share, wanted):
    chances = np.full((1, 4), 0.25)
    floors = np.array([[share, 0, 0, 0]])
    bounded = bounded_by(chances, np.ones((1, 4), bool), floors, np.ones((1, 4)), 0.04)
    assert bounded[0, 0] == wanted


def test_floors_that_leave_little_leave_exploration_its_share_of_that():
    floors, caps, every = np.array([[0.98, 0, 0, 0]]), np.ones((1, 4)), np.ones((1, 4), bool)
    [bounded] = bounded_by(np.full((1, 4), 0.25), every, floors, caps, 0.2)
    np.testing.assert_allclose(bounded, [0.98, *[0.02 / 3] * 3])
