from dataclasses import replace

import numpy as np
import pytest

from data.errors import BadInput
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.effects import Effects
from simulate.world.members import Members
from simulate.world.switches import Switches, world_on


@pytest.fixture(scope="module")
def pairs(world):
    rng = np.random.default_rng(1)
    return rng.integers(0, len(world.members), 20_000), rng.integers(0, 30, 20_000)


def within(values, valid):
    """RMS deviation from the mean of a title's candidates, unbiased."""
    values = np.where(valid, values, np.nan)
    left = values - np.nanmean(values, 1, keepdims=True)
    return np.sqrt(np.nansum(left**2) / (valid.sum(1) - 1).sum())


def test_effects_have_the_sizes_they_are_said_to_have(world, pairs):
    options = world.candidates(*pairs)
    theme, subject, style, quality = world.parts(pairs[0][:, None], options.artworks)
    effects = world.effects
    for part, size in (
        (theme, effects.theme_sd),
        (subject, effects.subject_sd),
        (style, effects.style_sd),
        (quality, effects.quality_sd),
    ):
        assert within(part, options.valid) == pytest.approx(size, rel=0.25)
    assert within(theme + subject + style, options.valid) == pytest.approx(0.8, rel=0.15)
    assert world.affinity(*pairs).std() == pytest.approx(effects.affinity_sd, rel=0.1)


def test_random_artwork_is_taken_a_tenth_of_the_time(world, pairs):
    options = world.candidates(*pairs)
    random = (options.takes.sum(-1) / options.valid.sum(-1)).mean()
    assert 0.07 < random < 0.15
    assert options.takes.max(-1).mean() > 1.4 * random


def test_takes_of_candidates_are_those_of_each_alone(world, pairs):
    member, title = (array[:50] for array in pairs)
    options = world.candidates(member, title, day=10, offset=0.3)
    for row in range(50):
        for artwork, valid, take in zip(*(part[row] for part in options), strict=True):
            alone = world.expected_take(member[row], artwork, 0.3) if valid else 0.0
            assert take == pytest.approx(alone, abs=1e-6)


def test_candidates_agree_with_the_catalogue(world):
    from datetime import timedelta

    from simulate.world.titles import START

    catalogue = world.truth.catalogue
    for day in (0, 9, 25):
        rows, valid = world.truth.candidates(day)
        for title, name in enumerate(catalogue.title_ids):
            mine = [catalogue.artwork_ids[row] for row in rows[title][valid[title]]]
            assert mine == catalogue.candidates(name, START + timedelta(days=day))


def test_affinities_are_affinity(world):
    members = np.arange(20)
    alone = world.affinity(members[:, None], np.arange(30)[None])
    np.testing.assert_allclose(world.affinities(members), alone, atol=1e-4)


def test_misleading_artwork_is_enjoyed_less(world):
    members = np.arange(100)
    honest = world_on(world, Switches(clickbait=0.0), 0)
    misleading = np.flatnonzero(world.truth.misleading)
    assert len(misleading)
    bait, none = (w.enjoy_probability(members[:, None], misleading) for w in (world, honest))
    assert (bait < none).all()
    rest = np.flatnonzero(world.truth.mislead == 0)
    np.testing.assert_array_equal(
        world.enjoy_probability(members[:, None], rest),
        honest.enjoy_probability(members[:, None], rest),
    )


def test_a_lure_makes_misleading_artwork_played_and_nothing_else(world):
    lured = world_on(world, Switches(lure=0.8), 0)
    members, rows = np.arange(100)[:, None], np.arange(len(world.truth.title_of))
    more = lured.play_probability(members, rows) - world.play_probability(members, rows)
    assert (more[:, world.truth.mislead > 0] > 0).all()
    assert (more[:, world.truth.mislead == 0] == 0).all()
    np.testing.assert_array_equal(
        lured.enjoy_probability(members, rows), world.enjoy_probability(members, rows)
    )


def test_artwork_moves_lesser_known_titles_most(world):
    members = np.arange(len(world.members))
    artworks = np.arange(len(world.truth.title_of))
    moved = world.artwork_effect(members[:, None], artworks).std(0)
    obscure = world.truth.obscurity[world.truth.title_of]
    assert moved[obscure > 0.7].mean() > 1.2 * moved[obscure < 0.3].mean()


def test_members_may_know_more_subjects_than_the_catalogue_shows(world, subjects, catalogue):
    few = subjects.only((), {n for n in subjects.names if n.startswith(("birds", "sea"))})
    with pytest.raises(BadInput, match="no taste for"):
        world.with_members(Members.draw(3, 1, few))
    same = ArtworkWorld.read(catalogue, 10, 5)
    np.testing.assert_array_equal(
        same.expected_take(np.arange(10), 7), world.expected_take(np.arange(10), 7)
    )


def test_drift_turns_tastes_and_keeps_their_size(world, pairs):
    turned = world_on(world, Switches(drift_days=20), 5)
    options = world.candidates(*pairs)
    before, after = (
        w.parts(pairs[0][:, None], options.artworks).style.ravel() for w in (world, turned)
    )
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.5
    assert after.std() == pytest.approx(before.std(), rel=0.2)
    round_trip = world_on(world, Switches(drift_days=20), 20)
    np.testing.assert_allclose(
        round_trip.expected_take(np.arange(50), 3), world.expected_take(np.arange(50), 3), rtol=1e-4
    )


def test_the_adversary_reverses_what_is_best(world):
    switches = Switches(adversary=0.5, adversary_days=3)
    one, same, other = (world_on(world, switches, day).shock for day in (0, 2, 3))
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(one, -np.asarray(other))


def test_a_catalogue_without_truth_is_refused(catalogue, tmp_path):
    for name in ("titles", "artworks"):
        file = f"{name}.parquet"
        (tmp_path / file).write_bytes((catalogue / file).read_bytes())
    with pytest.raises(BadInput, match="only a catalogue rendered"):
        ArtworkWorld.read(tmp_path, 10, 1)


def test_effect_sizes_are_frozen():
    with pytest.raises(AttributeError):
        Effects().theme_sd = 1  # pyright: ignore[reportAttributeAccessIssue]
    assert replace(Effects(), clickbait=0).theme_sd == Effects().theme_sd
