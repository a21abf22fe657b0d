"""The world of rows: every row's value is exact, and members do what it says."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.rows.row_chances import RowChances
from simulate.rows.row_world import RowWorld
from simulate.world.neighbours import alike


@pytest.fixture(scope="module")
def titles(world):
    g = np.random.default_rng(3)
    whole = np.flatnonzero(world.truth.candidates()[1].all(1))
    return np.stack([g.choice(whole, 4, replace=False) for _ in range(6)])


def row_world(world, titles, neighbour, competition):
    members = np.arange(len(titles))
    return RowWorld.of(replace(world, neighbour=neighbour), members, titles, competition)


def even(rows: RowWorld) -> RowChances:
    contexts, slots, candidates = rows.logit.shape
    later = np.full((contexts, slots - 1, candidates, candidates), 1 / candidates)
    return RowChances(np.full((contexts, candidates), 1 / candidates), later)


@pytest.mark.parametrize("competition", [False, True])
def test_each_row_is_worth_what_the_formula_says(world, titles, competition):
    rows = row_world(world, titles, -0.5, competition)
    for context, at in ((0, 17), (5, 300)):
        choice = rows.every[at]
        shown = rows.artworks[context, np.arange(4), choice]
        logits = [rows.logit[context, slot, choice[slot]] for slot in range(4)]
        for slot in range(3):
            near = -0.5 * float(alike(world.truth, shown[slot], shown[slot + 1]))
            logits[slot] += near
            logits[slot + 1] += near
        odds = np.exp(logits)
        chance = odds / (1 + odds.sum()) if competition else odds / (1 + odds)
        takes = chance * world.enjoy_probability(context, shown)
        assert rows.values[context, at] == pytest.approx(takes.sum())


def test_alone_titles_are_worth_their_own_takes(world, titles):
    rows = row_world(world, titles, 0.0, False)
    own = (rows.liked / (1 + np.exp(-rows.logit))).mean(-1).sum(-1)
    np.testing.assert_allclose(rows.worth(even(rows)), own)
    best = (rows.liked / (1 + np.exp(-rows.logit))).max(-1).sum(-1)
    np.testing.assert_allclose(rows.best, best)


@pytest.mark.parametrize("competition", [False, True])
def test_members_do_what_it_says(world, titles, competition):
    rows = row_world(world, titles, -0.8, competition)
    g = np.random.default_rng(1)
    context = g.integers(0, 6, 60_000)
    choice = even(rows).draw(context, g.random((60_000, 4)))
    played, taken = rows.respond(context, choice, g)
    expected = rows.takes(context, choice)
    error = np.sqrt((expected * (1 - expected)).sum(0)) / 60_000
    assert (np.abs(taken.mean(0) - expected.mean(0)) < 4 * error).all()
    assert (taken <= played).all()
    if competition:
        assert played.sum(1).max() == 1


def test_images_that_are_alike_dull_each_other(world, titles):
    plain, dull = (row_world(world, titles, n, False) for n in (0.0, -0.5))
    at = np.arange(4)
    near = plain.alike[0, at[:-1], plain.every[:, :-1], plain.every[:, 1:]].sum(1)
    change = dull.values[0] - plain.values[0]
    assert np.corrcoef(near, change)[0, 1] < -0.9


def test_alikeness_is_symmetric_and_standard(world):
    g = np.random.default_rng(0)
    one, other = g.integers(0, len(world.truth.style), (2, 20_000))
    apart = world.truth.title_of[one] != world.truth.title_of[other]
    one, other = one[apart], other[apart]
    values = np.asarray(alike(world.truth, one, other))
    np.testing.assert_allclose(values, alike(world.truth, other, one))
    assert abs(values.mean()) < 0.15
    assert 0.8 < values.std() < 1.2
    assert float(alike(world.truth, 3, 3)) > 2


def test_too_many_rows_are_refused(world, titles):
    with pytest.raises(ValueError, match="5 candidates in 8 slots make 390,625 rows"):
        row_world(world, np.tile(titles[:1], 2), 0.0, False)
