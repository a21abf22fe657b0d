"""What members do for what they did before: they meet titles again, skip, and come back."""

from dataclasses import replace

import numpy as np
import pytest

from data.errors import BadInput
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.habits import LAG_DAYS, NO_HABITS, Habits
from simulate.browsing.logging_policies import Uniform
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.pages import drawn_pages

DAYS = 9


def lived(world, habits, days=range(DAYS), memory=None, policy=None):
    browsing = Browsing(3000, seed=7, habits=habits)
    return list(browse_days(world, policy or Uniform(), days, browsing, None, memory))


@pytest.fixture(scope="module")
def days(world):
    return lived(world, Habits())


@pytest.fixture(scope="module")
def plain(world):
    return lived(world, NO_HABITS)


def looks_of(log):
    """Rendered places as (second, member, title, played), by time."""
    seconds = log.decisions["time"].cast("int64").to_numpy()
    rows = np.flatnonzero(log.outcomes.rendered)
    columns = seconds, log.requests.members, log.requests.titles, log.outcomes.played
    return sorted(zip(*(column[rows].tolist() for column in columns), strict=True))


def pairs_of(log):
    return set(zip(log.requests.members.tolist(), log.requests.titles.tolist(), strict=True))


def again_after_a_play(logs):
    """How many renderings there are of what their member had played."""
    played, again = set(), 0
    for log in logs:
        for _, member, title, plays in looks_of(log):
            again += (member, title) in played
            if plays:
                played.add((member, title))
    return again


def test_nobody_is_shown_what_they_played_not_even_on_the_same_day(days, plain):
    assert again_after_a_play(days) == 0
    assert again_after_a_play(plain) > 100


def test_looks_at_a_title_depend_on_what_came_of_it(days, plain):
    def excess(logs):
        """Mean looks of pairs that were played after their first look, less that of the others."""
        looks, first = {}, {}
        for log in logs:
            for _, member, title, plays in looks_of(log):
                first.setdefault((member, title), plays)
                looks[member, title] = looks.get((member, title), 0) + 1
        by_first = {kind: [looks[p] for p in looks if first[p] == kind] for kind in (True, False)}
        return np.mean(by_first[True]) - np.mean(by_first[False])

    # Without habits, liked titles are played more and recommended more, whatever was played.
    assert excess(days) < -0.5 < 0 < excess(plain)


def test_what_was_played_is_recommended_last_once_it_is_known(world, days):
    played = {}
    for log in days:
        for _, member, title, plays in looks_of(log):
            if plays:
                played.setdefault((member, title), log.day)
    last = days[-1]
    seconds = last.decisions["time"].cast("int64").to_numpy()
    pages = {}
    for member, second, title in zip(
        last.requests.members, seconds, last.requests.titles, strict=True
    ):
        day = played.get((member, title), last.day)
        pages.setdefault((member, second), []).append(day <= last.day - LAG_DAYS)
    assert all(known == sorted(known) for known in pages.values())
    assert sum(map(sum, pages.values())) > 50
    # What is not known yet still stands anywhere.
    recent = {pair for pair, day in played.items() if last.day - LAG_DAYS < day < last.day}
    assert len(recent & pairs_of(last)) > 10


def test_members_meet_the_same_titles_again(world):
    def met_again(persistence):
        habits = replace(NO_HABITS, persistence=persistence)
        first, second = (
            drawn_pages(world, 4000, day, np.random.default_rng(day), habits) for day in (40, 41)
        )
        pages = [
            {
                member: set(slots.title[(slots.member == member) & (slots.surface == 0)].tolist())
                for member in np.unique(slots.member[slots.surface == 0]).tolist()
            }
            for slots in (first, second)
        ]
        both = pages[0].keys() & pages[1].keys()
        assert len(both) > 50
        return np.mean([len(pages[0][m] & pages[1][m]) / len(pages[1][m]) for m in both])

    shares = [met_again(persistence) for persistence in (0.0, 0.5, 1.0)]
    assert shares[0] + 0.02 < shares[1] < shares[2] - 0.02


def test_with_everything_at_its_usual_place_pages_are_as_popular_as_ever(world):
    def fame(persistence):
        habits = replace(NO_HABITS, persistence=persistence)
        slots = drawn_pages(world, 20_000, 40, np.random.default_rng(1), habits)
        return (
            np.bincount(slots.title[slots.surface == 1], minlength=30) / (slots.surface == 1).sum()
        )

    np.testing.assert_allclose(fame(1.0), fame(0.0), atol=0.012)


def test_who_enjoyed_comes_back_more_often(world):
    eager = replace(NO_HABITS, return_boost=3.0)
    visits = {}
    for habits in (eager, NO_HABITS):
        memory = MemberMemory.of(world)
        browsing = Browsing(600, seed=7, habits=habits)
        counts, takes = np.zeros(len(world.members)), np.zeros(len(world.members))
        for log in browse_days(world, Uniform(), range(12), browsing, None, memory):
            seconds = log.decisions["time"].cast("int64").to_numpy()
            pages = np.unique(np.stack([log.requests.members, seconds]), axis=1)[0]
            if log.day < 4:
                takes += np.bincount(log.requests.members, log.outcomes.taken, len(takes))
            if log.day >= 4 + LAG_DAYS:
                counts += np.bincount(pages, minlength=len(counts))
        visits[habits] = counts[takes > 0].mean() / counts.mean()
    assert visits[eager] > 1.15 * visits[NO_HABITS]


def test_a_play_shapes_pages_only_after_some_days(world):
    """Until then no page tells what a draw fell on: two policies are asked for the same pages."""

    class Last(Uniform):
        def probabilities(self, requests):
            places = requests.valid.cumsum(-1) == requests.valid.sum(-1, keepdims=True)
            return (places & requests.valid).astype(float)

    one, other = lived(world, Habits()), lived(world, Habits(), policy=Last())
    same = [
        (a.requests.titles == b.requests.titles).all()
        and (a.requests.members == b.requests.members).all()
        for a, b in zip(one, other, strict=True)
    ]
    assert (one[0].outcomes.played != other[0].outcomes.played).any()
    assert same[: LAG_DAYS + 1] == [True] * LAG_DAYS + [False]


def test_memory_that_was_stored_goes_on_the_same(world, days, tmp_path):
    memory = MemberMemory.of(world)
    lived(world, Habits(), range(5), memory)
    memory.write(tmp_path / "members.npz")
    later = lived(world, Habits(), range(5, DAYS), MemberMemory.read(tmp_path / "members.npz"))
    for one, two in zip(days[5:], later, strict=True):
        assert one.decisions.equals(two.decisions)
        assert one.events.equals(two.events)


@pytest.mark.parametrize(
    "wrong", [{"persistence": 1.1}, {"return_boost": -1.0}, {"half_life_days": 0.0}]
)
def test_impossible_habits_are_refused(wrong):
    with pytest.raises(BadInput, match="--habits"):
        Habits(**wrong)
