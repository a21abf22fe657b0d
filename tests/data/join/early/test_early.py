"""Rewards that grow for weeks: paid by what is expected, refreshed, and whole in the end."""

import json

import numpy as np
import pytest

from data.days import moment_us
from data.errors import BadInput
from data.examples.growing_rewards import settled_until
from data.examples.stream import ExampleStream
from data.join.early.foresight import learn_foresight
from data.join.join import join
from tests.data.join.test_join import NOON, decision, event, examples, hours, log, shown

DAY = hours(24)
SCHEMA = """
events: {visit: {}}
rewards:
  month: {sql: visit_count, within_days: 8, maximise: true, early: true, half: 4}
"""
OLD = 240
"""Whole examples: even ones bring visits on days 1, 3 and 6, odd ones none."""


def written(folder, young=2):
    """Old decisions ten days before noon's, and young ones; the first young one is visited."""
    decisions, events = [], []
    for at in range(OLD):
        name, then = f"old{at}", NOON - 10 * DAY
        decisions.append(decision(name, then, profile_id=name))
        events.append(shown(then, name=name, profile_id=name))
        for day in (1, 3, 6) if at % 2 == 0 else ():
            events.append(_visit(name, then + day * DAY, day))
    for at in range(young):
        decisions.append(decision(f"new{at}", profile_id=f"new{at}"))
        events.append(shown(name=f"new{at}", profile_id=f"new{at}"))
    events += [_visit("new0", NOON + day * DAY, day) for day in (1, 3, 6)]
    (folder / "schema.yaml").write_text(SCHEMA)
    log(folder, decisions, events)


def _visit(name, at, day):
    return event("visit", at, decision_id=name, profile_id=name, event_id=f"v{name}{day}")


def told(folder, now, **how):
    report = join(folder, None, folder / "out", now=now, **how)
    rows = {row["decision_id"]: row for row in examples(folder / "out")}
    return report, rows, {name: dict(row["metrics"]) for name, row in rows.items()}


def test_young_examples_are_paid_what_older_cohorts_came_to_and_whole_ones_what_they_did(tmp_path):
    written(tmp_path)
    report, rows, numbers = told(tmp_path, NOON + 2.5 * DAY)
    assert (report.examples, report.growing, report.waiting) == (OLD + 2, 2, 0)
    visited, other = numbers["new0"], numbers["new1"]
    assert (visited["reward_seen"], visited["reward_age_days"]) == (1, 2.5)
    assert visited["reward_left_days"] == 5.5
    assert visited["reward_expected"] == pytest.approx(3, abs=0.1)
    assert other["reward_expected"] == pytest.approx(0, abs=0.1)
    assert rows["new0"]["reward"] == pytest.approx(3 / 7, abs=0.01)
    assert (rows["old0"]["reward"], numbers["old0"]["reward_left_days"]) == (3 / 7, 0)
    assert numbers["old0"]["reward_seen"] == numbers["old0"]["reward_expected"] == 3
    assert [numbers["old0"][f"month_by_day_{day}"] for day in (2, 4)] == [1, 2]


def test_it_is_refreshed_as_days_pass_and_counted_once(tmp_path):
    written(tmp_path)
    seen = []
    for days in (2.5, 3, 4.5, 8.5):
        report, _, numbers = told(tmp_path, NOON + days * DAY)
        assert report.examples == OLD + 2
        seen.append((numbers["new0"]["reward_seen"], numbers["new0"]["reward_age_days"]))
        if days == 3:
            assert report.joined_days == []  # nothing new is known at an age between two
    assert seen == [(1, 2.5), (1, 2.5), (2, 4.5), (3, 8)]
    assert report.growing == 0
    again = tmp_path / "again"
    again.mkdir()
    written(again)
    assert told(again, NOON + 8.5 * DAY)[1:] == told(tmp_path, NOON + 8.5 * DAY)[1:]


def test_without_older_cohorts_young_examples_wait(tmp_path):
    written(tmp_path, young=0)
    report, rows, _ = told(tmp_path, NOON - 7 * DAY)
    assert (report.waiting, rows) == (OLD, {})
    assert f"all {OLD:,} rendered decisions wait" in str(report.nothing_because)
    state = json.loads((tmp_path / "out" / "_join.json").read_text())
    assert {day["next_close"] for day in state["days"].values() if day["waiting"]}
    report, rows, _ = told(tmp_path, NOON - DAY)
    assert (report.waiting, len(rows)) == (0, OLD)


def test_a_night_takes_in_no_day_whose_rewards_grow(tmp_path):
    written(tmp_path)
    told(tmp_path, NOON + 2.5 * DAY)
    stream = ExampleStream(tmp_path / "out")
    first, last = stream.span()
    assert settled_until(stream, first, last + 1) == moment_us(NOON - hours(12))
    told(tmp_path, NOON + 8.5 * DAY)
    assert settled_until(stream, first, last + 1) == last + 1


@pytest.mark.parametrize(
    "month",
    [
        "{sql: visit_count, early: true, within_days: 8}",
        "{sql: played, maximise: true, early: true}",
    ],
)
def test_early_is_for_the_reward_that_is_maximised_and_has_a_window(tmp_path, month):
    written(tmp_path)
    (tmp_path / "schema.yaml").write_text(f"events: {{visit: {{}}}}\nrewards: {{month: {month}}}")
    with pytest.raises(BadInput, match=r"early is true; only the reward that is maximised"):
        told(tmp_path, NOON)


def test_a_name_that_stands_beside_it_is_taken(tmp_path):
    written(tmp_path)
    (tmp_path / "schema.yaml").write_text(SCHEMA + "  reward_seen: {sql: visit_count}\n")
    with pytest.raises(
        BadInput, match=r"rewards.reward_seen in schema.yaml: a reward that is early"
    ):
        told(tmp_path, NOON)


def test_what_is_expected_is_the_best_guess_of_normal_traces():
    g = np.random.default_rng(0)
    level = g.normal(size=4000)
    steps = level[:, None] + g.normal(size=(4000, 3))
    trace = steps.cumsum(1)
    learnt = learn_foresight(trace[:, :2], trace[:, 2], (1, 2))
    young = np.array([[2.0, 99.0], [2.0, 4.0]])
    # Of a level of variance 1 under noise of variance 1, half of what is seen goes on, then 2/3.
    expected = learnt.expected(young, np.array([1, 2]))
    np.testing.assert_allclose(expected, [2 + 2 * 1, 4 + 4 / 3], atol=0.15)
    with pytest.raises(ValueError, match="an example of 0 days is younger than 1"):
        learnt.expected(young, np.array([0, 1]))
