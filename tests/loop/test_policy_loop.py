"""The loop of a policy: what it writes, what it knows when, what it learns, and that it goes on."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.check.command import check
from data.errors import BadInput
from data.join.join import join
from loop.named_policies import POLICIES, Learning
from loop.policy_command import policy
from loop.policy_loop import PolicyLoop, PolicyLoopSettings
from simulate.browsing.day import Browsing
from simulate.browsing.habits import NO_HABITS
from simulate.world.switches import Switches
from tests.loop.deaths import DAYS
from tests.loop.test_state import die_everywhere

MODELS = ("thompson", "greedy", "epsilon_greedy", "neural_ucb")
LEARNERS = [name for name in POLICIES if name not in ("uniform", *MODELS)]


def midnight(day):
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


def run(catalogue, out, **options):
    """The command, with few decisions."""
    few = {"days": DAYS, "decisions_per_day": 400, "members": 60, "seed": 4}
    return policy(catalogue=catalogue, out=out, **few | options)


def rows_of(folder, key):
    return sorted(pq.read_table(folder).to_pylist(), key=lambda row: row[key])


def same(one, two):
    """Whether two loops left the same files with the same rows."""
    for folder in ("log", "later", "examples"):
        rows = [
            {
                file.relative_to(out): sorted(map(str, pq.ParquetFile(file).read().to_pylist()))
                for file in (out / folder).rglob("*.parquet")
                if not file.name.startswith(".")
            }
            for out in (one, two)
        ]
        assert rows[0]
        assert rows[0] == rows[1]


@pytest.fixture(scope="module")
def whole(catalogue, tmp_path_factory):
    """A loop that nothing interrupted."""
    out = tmp_path_factory.mktemp("loop") / "whole"
    return out, run(catalogue, out)


def learnt(catalogue, out, name):
    """Five days of a policy, on two of which it knows what the first ones brought.

    Without habits, so that all policies have the same places to decide on.
    """
    browsing = Browsing(1000, seed=4, habits=NO_HABITS)
    settings = PolicyLoopSettings(Learning(name), catalogue, 100, browsing)
    return PolicyLoop(out, settings).run(5)


@pytest.fixture(scope="module")
def uniform_days(catalogue, tmp_path_factory):
    return learnt(catalogue, tmp_path_factory.mktemp("loop") / "uniform", "uniform")


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_closes_the_loop_and_earns_more_than_uniform(
    name, uniform_days, catalogue, tmp_path
):
    out = tmp_path / "out"
    days = learnt(catalogue, out, name)
    assert [row["day"] for row in days] == [0, 1, 2, 3, 4]
    decisions = pq.read_table(out / "log" / "decisions").to_pylist()
    assert len(decisions) == 5000
    assert all(row["action"] in row["candidates"] for row in decisions)
    assert {row["policy"] for row in decisions} == {name}
    # The first windows close at the end of day 2: until then nothing is known.
    for day in (0, 1, 2):
        assert days[day]["impressions"] == uniform_days[day]["impressions"]
        assert days[day]["regret"] == uniform_days[day]["regret"]
    later, evenly = (
        [sum(row[key] for row in rows[3:]) for key in ("regret", "uniform_regret")]
        for rows in (days, uniform_days)
    )
    assert later[1] == pytest.approx(evenly[1])
    assert later[0] < 0.95 * evenly[0]
    earned, by_chance = (sum(row["expected"] for row in rows[3:]) for rows in (days, uniform_days))
    assert earned > by_chance


def test_days_of_the_uniform_policy_have_uniform_regret(uniform_days):
    regret, even = (sum(row[key] for row in uniform_days) for key in ("regret", "uniform_regret"))
    assert regret / even == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", ["linear_thompson", "exp3"])
def test_the_same_seed_gives_the_same_days_whether_or_not_they_were_interrupted(
    name, catalogue, tmp_path
):
    options = {"policy": name, "decisions_per_day": 150}
    once = run(catalogue, tmp_path / "once", **options)
    run(catalogue, tmp_path / "parts", days=3, **options)
    parts = run(catalogue, tmp_path / "parts", **options)
    assert parts == once | {"out": str(tmp_path / "parts")}
    same(tmp_path / "once", tmp_path / "parts")


def test_another_seed_gives_other_days(whole, catalogue, tmp_path):
    assert run(catalogue, tmp_path / "out", seed=5, days=1)["days"] != whole[1]["days"][:1]


def test_a_model_is_trained_published_and_asked(catalogue, tmp_path):
    class Enough(Exception):
        pass

    def until_asked(moment):
        if (moment.day, moment.step, moment.done) == (3, "browse", True):
            raise Enough

    learning = Learning("neural_ucb", epsilon=0.1, train=("--fit.epochs=1",))
    settings = PolicyLoopSettings(learning, catalogue, 30, Browsing(150, seed=4))
    with pytest.raises(Enough):
        PolicyLoop(tmp_path / "out", settings).run(4, until_asked)
    decisions = pq.read_table(tmp_path / "out" / "log" / "decisions").to_pylist()
    last = [row for row in decisions if row["time"] >= midnight(3)]
    assert len(last) == 150
    assert {row["bundle"] for row in decisions if row["time"] < midnight(3)} == {None}
    [bundle] = {row["bundle"] for row in last}
    assert (tmp_path / "out" / "bundles" / "current").readlink().name == bundle
    # One candidate of six has all but the exploration, and is drawn nearly always.
    propensities = np.array([row["propensity"] for row in last])
    best, others = (np.isclose(propensities, p) for p in (0.9 + 0.1 / 6, 0.1 / 6))
    assert (best | others).all()
    assert best.mean() > 0.8


def test_a_policy_decides_evenly_until_the_first_windows_have_closed(whole):
    decisions = pq.read_table(whole[0] / "log" / "decisions").to_pylist()
    by_day = {}
    for row in decisions:
        even = np.isclose(row["propensity"], 1 / len(row["candidates"]))
        by_day.setdefault(row["time"].day, []).append(even or len(row["candidates"]) == 1)
    assert [all(by_day[day]) for day in sorted(by_day)] == [True, True, True, False]
    assert [row["examples"] > 0 for row in whole[1]["days"]] == [False, False, True, True]


def test_what_was_not_received_by_midnight_is_not_in_the_log(catalogue, tmp_path):
    run(catalogue, tmp_path / "out", delay_days=1.5, days=3)
    events = pq.read_table(tmp_path / "out" / "log" / "events").to_pylist()
    assert max(event["received"].day for event in events) == 3
    later = pq.read_table(tmp_path / "out" / "later" / "events").to_pylist()
    assert min(event["received"].day for event in later) == 4


def test_the_log_is_in_the_public_format_and_joins_to_the_same_examples(whole, catalogue, tmp_path):
    out = whole[0]
    assert check(out / "log", catalogue=catalogue).count == 0
    join(out / "log", catalogue, tmp_path / "examples", now=midnight(DAYS))
    at_once = rows_of(tmp_path / "examples", "decision_id")
    assert rows_of(out / "examples", "decision_id") == at_once
    assert len(at_once) == whole[1]["days"][-1]["examples"] > 300


def test_killed_before_in_and_after_every_step_it_ends_in_the_same_log(whole, catalogue, tmp_path):
    out = tmp_path / "died"
    died = die_everywhere("policy", out, catalogue)
    for day in range(DAYS):
        for step in ("browse", "join", "renew"):
            assert f"{day} {step} begins" in died
            assert f"{day} {step} done" in died
    assert {"0 browse half", "3 join half"} <= set(died)
    assert run(catalogue, out) == whole[1] | {"out": str(out)}
    same(whole[0], out)


def test_a_window_forgets_and_change_effects_are_remembered(catalogue, tmp_path):
    changes = {"decisions_per_day": 200, "switches": Switches(change_cost=1.0)}
    window = {"window": 1, "decay": 0.5, **changes}
    once = run(catalogue, tmp_path / "once", days=5, **window)["days"]
    run(catalogue, tmp_path / "parts", days=2, **window)
    assert run(catalogue, tmp_path / "parts", days=5, **window)["days"] == once
    # On day 4 two days are known, and the window holds one of them.
    remembers = run(catalogue, tmp_path / "all", days=5, **changes)["days"]
    assert remembers[:4] == once[:4]
    assert remembers[4] != once[4]
    without = run(catalogue, tmp_path / "without", days=2, decisions_per_day=200)["days"]
    assert without[0]["expected"] == once[0]["expected"]
    assert without[1]["expected"] > once[1]["expected"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"policy": "best"}, "--policy best: choose one of uniform, "),
        ({"days": 0}, "0 days"),
        ({"epsilon": 1.5}, "--epsilon 1.5"),
        ({"window": 0}, "--window 0"),
        ({"decay": 2.0}, "--decay 2.0"),
        ({"reward": "minutes"}, "give --reward take or play"),
        ({"reward": "minutes", "policy": "exp3"}, "give --reward take or play"),
    ],
)
def test_what_cannot_loop_is_refused(options, complaint, catalogue, tmp_path):
    with pytest.raises(BadInput, match=complaint):
        run(catalogue, tmp_path / "out", **options)


def test_a_folder_is_never_used_for_two_loops(catalogue, tmp_path):
    run(catalogue, tmp_path / "out", days=1)
    with pytest.raises(BadInput, match=r"begun with policy 'beta_thompson', not 'ucb1'"):
        run(catalogue, tmp_path / "out", days=1, policy="ucb1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    with pytest.raises(BadInput, match="holds something else"):
        run(catalogue, tmp_path / "other")
