"""Weeks of members: trust moves visits, plays and staying, and policies differ by that alone."""

from dataclasses import replace

import numpy as np
import pytest

from data.errors import BadInput
from simulate.longterm.long_truth import gain_of, long_courses, worth_of, worth_of_trust
from simulate.longterm.long_world import LongWorld, best_of
from simulate.longterm.roll_out import roll_out
from simulate.longterm.trust_effects import TrustEffects
from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue


@pytest.fixture(scope="module")
def stage(subjects: Subjects, tmp_path_factory):
    out = tmp_path_factory.mktemp("weeks") / "catalogue"
    write_catalogue(subjects, 10, 6, 4, out, 0.0, Rendering(64))
    return ArtworkWorld.read(out, members=1500, seed=3)


@pytest.fixture(scope="module")
def weeks(stage):
    return LongWorld.of(stage)


def test_decisions_are_drawn_with_the_probability_that_is_said(weeks):
    policy = best_of(weeks.takes, 0.3)
    course = roll_out(weeks, policy, 6, 1, keep=True)
    of = course.decisions
    np.testing.assert_allclose(policy.sum(-1), 1, atol=1e-6)
    assert of.propensity == pytest.approx(policy[of.member, of.title, of.choice])
    greedy = of.choice == weeks.takes[of.member, of.title].argmax(-1)
    error = np.sqrt(0.75 * 0.25 / len(greedy))
    assert greedy.mean() == pytest.approx(0.75, abs=4 * error)
    page = np.stack([of.member, of.day, of.title])
    assert len(np.unique(page, axis=1).T) == len(of.day)  # a title once a page


def test_takes_come_as_often_as_expected(weeks):
    course = roll_out(weeks, weeks.even, 28, 2)
    expected, came = course.long_takes(28), course.takes.sum(1)
    error = np.sqrt(expected.sum())
    assert abs(came.sum() - expected.sum()) < 4 * error
    assert (course.takes[~course.visited] == 0).all()
    assert (~course.stays[:, :-1] & course.stays[:, 1:]).sum() == 0  # who has left stays away


def test_trust_brings_visits_plays_and_members_who_stay(weeks):
    low, high = (
        roll_out(weeks, weeks.even, 28, 3, np.full(weeks.members, side)) for side in (-2.0, 2.0)
    )
    assert high.visited.mean() > 1.2 * low.visited.mean()
    assert high.stays[:, -1].mean() > low.stays[:, -1].mean()
    a_visit = [c.expected[c.visited].mean() for c in (low, high)]
    assert a_visit[1] > 1.1 * a_visit[0]
    assert worth_of_trust(weeks, weeks.even, 28, 3) > 0.5


def test_misleading_art_costs_later_only_where_trust_carries_over(weeks):
    lure, honest = (
        best_of(weeks.mislead + 0 * weeks.logit),
        best_of(-weeks.mislead - 0 * weeks.logit),
    )
    for world, later in ((weeks, True), (_alone(weeks), False)):
        courses = long_courses(world, {"lure": lure, "honest": honest}, 5)
        gain = gain_of(courses["honest"], courses["lure"])
        day = [courses[name].expected[:, 0].mean() for name in ("honest", "lure")]
        at_once = day[0] / day[1] - 1
        if later:
            assert gain.share > at_once + 0.02
            assert worth_of(courses["honest"]).survival >= worth_of(courses["lure"]).survival
        else:
            assert gain.share == pytest.approx(at_once, abs=0.02)
            assert (courses["honest"].visited == courses["lure"].visited).all()


def test_hidden_harm_shows_in_trust_and_in_nothing_early(stage):
    kind = replace(stage, effects=replace(stage.effects, clickbait=0.0))
    usual = TrustEffects()
    effects = replace(usual, hidden=0.15, fall=0.0, early_misled=usual.early_honest)
    hidden = LongWorld.of(kind, effects)
    misled = best_of(hidden.mislead + 0 * hidden.logit)
    of = roll_out(hidden, misled, 10, 6, keep=True)
    np.testing.assert_allclose(hidden.liked, hidden.liked[..., :1].repeat(6, -1), rtol=1e-5)
    kept = roll_out(hidden, best_of(-hidden.mislead - 0 * hidden.logit), 10, 6)
    assert of.trust[:, -1].mean() < kept.trust[:, -1].mean()


def test_equal_seeds_give_equal_weeks(weeks):
    first, again, other = (roll_out(weeks, weeks.even, 5, seed).takes for seed in (7, 7, 8))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"joy": -1}, "joy is -1; it cannot be negative"),
        ({"visits": 2}, "visits is 2; it is a share"),
        ({"half_life_days": 0}, "half_life_days is 0; give more than 0"),
    ],
)
def test_sizes_that_cannot_be_are_refused(wrong, said):
    with pytest.raises(BadInput, match=said):
        TrustEffects(**wrong)


def _alone(weeks: LongWorld) -> LongWorld:
    return weeks.with_effects(weeks.effects.without_carry_over())
