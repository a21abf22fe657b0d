from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow.compute as pc
import pytest

from bandit.choice import choose, decision_ids, decision_seeds, profile_keys, uniforms
from data.errors import BadInput
from data.join.join import join
from data.records import DECISIONS, EVENTS
from simulate.browsing.browse import browse, browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.log import read_expected, write_days
from simulate.browsing.logging_policies import Uniform, UnpersonalisedEpsilon
from simulate.world.neighbours import alike
from simulate.world.switches import Switches, world_on


@pytest.fixture(scope="module")
def log(world):
    return browse(world, Uniform(), 3, Browsing(4000, seed=2))


def test_logs_follow_the_schemas(log):
    assert log.decisions.schema == DECISIONS
    assert log.events.schema == EVENTS
    log.decisions.validate(full=True)
    log.events.validate(full=True)
    assert log.decisions.num_rows == 4000
    for column in (log.decisions["decision_id"], log.events["event_id"]):
        assert pc.count_distinct(column).as_py() == len(column)


def test_the_same_seed_gives_the_same_log(world, log):
    again = browse(world, Uniform(), 3, Browsing(4000, seed=2))
    assert again.decisions.equals(log.decisions)
    assert again.events.equals(log.events)
    assert again.expected.equals(log.expected)


def test_choices_follow_from_their_logged_seeds(log):
    rows = log.decisions.to_pylist()
    seeds = np.array([row["seed"] for row in rows], np.uint64)
    chosen = choose(Uniform().probabilities(log.requests), uniforms(seeds))
    for row, place in zip(rows, chosen, strict=True):
        assert row["action"] == row["candidates"][place]
        assert row["propensity"] == pytest.approx(1 / len(row["candidates"]))
    keys = profile_keys([row["profile_id"] for row in rows])
    titles = np.array([row["title_id"] for row in rows])
    assert decision_ids(seeds, keys, titles, 3) == [row["decision_id"] for row in rows]
    first = log.decisions["seed"].to_numpy() == decision_seeds(keys, titles, 3, 2)
    assert first.any()  # a member's first visit has the plain salt


def test_a_page_has_each_title_once(log):
    rows = log.decisions.select(["profile_id", "title_id", "time"]).to_pylist()
    assert len({tuple(row.values()) for row in rows}) == len(rows)


def test_outcomes_come_true_as_expected(world, log):
    at = np.arange(4000)
    expected = log.takes[at, log.outcomes.choice][log.outcomes.rendered]
    taken = log.outcomes.taken[log.outcomes.rendered]
    noise = np.sqrt((expected * (1 - expected)).sum())
    assert abs(taken.sum() - expected.sum()) < 4 * noise


def test_fewer_are_rendered_further_down_and_fewer_of_those_are_played(log):
    row = np.array([r["row"] for r in log.decisions["facts"].to_pylist()])
    shares = [log.outcomes.rendered[row == r].mean() for r in range(4)]
    assert all(a > b for a, b in pairwise(shares))


def test_titles_that_compete_get_at_most_one_play_a_page(world):
    log = browse(world, Uniform(), 3, Browsing(20_000, seed=2, competition=True))
    rows = log.decisions.select(["profile_id", "time"]).to_pylist()
    pages = [(row["profile_id"], row["time"]) for row in rows]
    played = [page for page, play in zip(pages, log.outcomes.played, strict=True) if play]
    assert played
    assert len(set(played)) == len(played)
    shown = log.outcomes.rendered
    expected = log.takes[np.arange(len(shown)), log.outcomes.choice][shown]
    assert abs(log.outcomes.taken.sum() - expected.sum()) < 4 * np.sqrt(expected.sum())
    alone = browse(world, Uniform(), 3, Browsing(20_000, seed=2))
    assert (log.takes <= alone.takes + 1e-9).all()


@pytest.mark.parametrize("competition", [False, True])
def test_images_beside_their_like_are_played_less(world, competition):
    browsing = Browsing(20_000, seed=2, competition=competition)
    beside = world_on(world, Switches(neighbour=-0.8), 3)
    log, plain = (browse(each, Uniform(), 3, browsing) for each in (beside, world))
    shown = log.outcomes.rendered
    expected = log.takes[np.arange(len(shown)), log.outcomes.choice][shown]
    assert abs(log.outcomes.taken.sum() - expected.sum()) < 4 * np.sqrt(expected.sum())
    rows = log.decisions["facts"].to_pylist()
    place = np.array([(row["row"], row["column"]) for row in rows])
    member = np.array(log.decisions["profile_id"].to_pylist())
    artwork = log.requests.candidates[np.arange(len(shown)), log.outcomes.choice]
    both = shown[1:] & shown[:-1] & (np.diff(place[:, 0]) == 0) & (np.diff(place[:, 1]) == 1)
    left = np.flatnonzero(both & (member[1:] == member[:-1]))
    near = np.asarray(alike(world.truth, artwork[left], artwork[left + 1]))
    ratio = log.takes[left, log.outcomes.choice[left]]
    ratio = ratio / plain.takes[left, log.outcomes.choice[left]]
    assert ratio[near > 1].mean() < 0.8 < 1.2 < ratio[near < -1].mean()


def test_the_join_gives_back_the_outcomes(world, log, catalogue, tmp_path):
    days = list(browse_days(world, Uniform(), range(2), Browsing(1500, seed=4)))
    written = write_days(days, tmp_path / "log")
    now = days[0].decisions["time"][0].as_py() + timedelta(days=9)
    joined = join(tmp_path / "log", catalogue, tmp_path / "examples", now=now)
    assert joined.examples == written["impressions"]
    import pyarrow.dataset as ds

    examples = ds.dataset(tmp_path / "examples", partitioning="hive").to_table()
    assert pc.sum(examples["reward"]).as_py() == written["takes"]
    assert pc.sum(examples["played"]).as_py() == written["plays"]
    expected = read_expected(tmp_path / "log")
    assert expected.num_rows == written["decisions"]
    first = days[0].decisions
    lengths = pc.list_value_length(first["candidates"])
    assert pc.list_value_length(expected["expected"])[: len(first)].equals(lengths)


def test_late_rewards_are_received_late(world):
    prompt, late = (
        browse(world, Uniform(), 0, Browsing(3000, seed=1, delay_days=days)) for days in (0, 7)
    )
    for kind, days in (("impression", 0), ("play", 7)):
        of_kind = pc.field("kind") == kind
        a, b = (day.events.filter(of_kind)["received"].to_numpy() for day in (prompt, late))
        assert ((b - a) == np.timedelta64(days, "D")).all()


def test_an_unpersonalised_policy_finds_better_artwork(world):
    policy = UnpersonalisedEpsilon(len(world.truth.title_of), 0.2)
    logs = list(browse_days(world, policy, range(8), Browsing(6000, seed=6)))
    last = logs[-1]
    probabilities = policy.probabilities(last.requests)
    np.testing.assert_allclose(probabilities.sum(-1), 1)
    floor = 0.2 / last.requests.valid.sum(-1, keepdims=True)
    assert (probabilities >= floor * last.requests.valid - 1e-12).all()
    value = (probabilities * last.takes).sum(-1).mean()
    assert value > (Uniform().probabilities(last.requests) * last.takes).sum(-1).mean()


def test_change_costs_plays_where_artwork_differs_from_the_last(world):
    browsing, switches = Browsing(4000, seed=3), Switches(change_cost=0.5)
    plain, costly = (
        list(browse_days(world, Uniform(), range(3), browsing, given))[-1]
        for given in (None, switches)
    )
    lower = costly.takes < plain.takes - 1e-9
    assert lower.any()
    assert not (costly.takes > plain.takes + 1e-9).any()
    assert (~lower & costly.requests.valid).any()


@pytest.mark.parametrize("wrong", [{"decisions_per_day": 0}, {"delay_days": -1.0}])
def test_impossible_browsing_is_refused(wrong):
    with pytest.raises(BadInput):
        Browsing(**wrong)


def test_probabilities_that_do_not_fit_are_refused(world):
    class Wrong(Uniform):
        name = "wrong"

        def probabilities(self, requests):
            return np.full(requests.valid.shape, 0.5)

    with pytest.raises(ValueError, match="'wrong', decision row 0"):
        browse(world, Wrong(), 0, Browsing(100))
