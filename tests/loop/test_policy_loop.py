"""The closed loop: what it writes, what it knows when, and that it goes on after any death."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.join.join import join
from loop.bundle_policy import BUNDLE_POLICIES
from loop.policy_loop import POLICIES, STEPS, loop

ROOT = Path(__file__).parents[2]
OPTIONS = {"decisions_per_day": 400, "members": 60, "seed": 4, "json": True}
EXAMINED = [name for name in POLICIES if name not in BUNDLE_POLICIES]


def run(catalogue, out, **options):
    return loop(catalogue=catalogue, out=out, **OPTIONS | {"days": 4} | options)


def rows_of(folder, key):
    return sorted(pq.read_table(folder).to_pylist(), key=lambda row: row[key])


def same(one, two):
    for kind, key in (("log/decisions", "decision_id"), ("log/events", "event_id"),
                      ("examples", "decision_id")):  # fmt: skip
        assert rows_of(one / kind, key) == rows_of(two / kind, key)


@pytest.fixture(scope="module")
def whole(catalogue, tmp_path_factory):
    """A loop that nothing interrupted."""
    out = tmp_path_factory.mktemp("loop") / "whole"
    return out, run(catalogue, out)


@pytest.mark.parametrize("policy", EXAMINED)
def test_every_policy_closes_the_loop(policy, catalogue, tmp_path):
    result = run(catalogue, tmp_path / "out", policy=policy)
    assert [row["day"] for row in result["days"]] == [0, 1, 2, 3]
    assert result["decisions"] == 1600
    assert 0 < result["regret_percent_of_uniform"] < 130
    actions = pq.read_table(tmp_path / "out" / "log" / "decisions").to_pylist()
    assert all(row["action"] in row["candidates"] for row in actions)
    assert {row["policy"] for row in actions} == {policy}


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


def test_the_log_is_in_the_public_format(whole, catalogue, tmp_path):
    join(whole[0] / "log", catalogue, tmp_path / "examples")
    closed = {row["decision_id"] for row in rows_of(whole[0] / "examples", "decision_id")}
    again = {row["decision_id"] for row in rows_of(tmp_path / "examples", "decision_id")}
    assert closed
    assert closed <= again | closed


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_a_step_that_was_done_but_not_noted_is_done_again(step, whole, catalogue, tmp_path):
    out = tmp_path / "out"
    run(catalogue, out, days=3)
    state = json.loads((out / "state.json").read_text())
    run(catalogue, out, days=4)
    held = json.loads((out / "state.json").read_text())
    rows = held["rows"] if step else state["rows"]
    (out / "state.json").write_text(json.dumps(held | {"day": 3, "step": step, "rows": rows}))
    if step == 0:  # the day's browsing came before its join
        (out / "examples" / "day=2026-01-02" / "examples.parquet").unlink()
        (out / "examples" / "_join.json").unlink()
        join(out / "log", catalogue, out / "examples", now=_midnight(3))
    result = run(catalogue, out, days=4)
    assert result == whole[1] | {"out": str(out)}
    same(whole[0], out)


def _midnight(day):
    from datetime import UTC, datetime, timedelta

    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


def test_killed_at_any_moment_it_ends_in_the_same_log(whole, catalogue, tmp_path):
    out = tmp_path / "out"
    command = [
        sys.executable, "-m", "simulate", "loop", "--catalogue", str(catalogue), "--days", "4",
        "--decisions-per-day", "400", "--members", "60", "--seed", "4", "--out", str(out), "--json",
    ]  # fmt: skip
    killed = 0
    for moment in (1.2, 1.6, 2.0, 2.4):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert killed
    assert json.loads(ran.stdout) == whole[1] | {"out": str(out)}
    same(whole[0], out)


def test_a_window_forgets_and_change_effects_are_remembered(catalogue, tmp_path):
    from simulate.world.switches import Switches

    options = {"window": 1, "decay": 0.5, "switches": Switches(change_cost=1.0)}
    whole = run(catalogue, tmp_path / "whole", **options)
    run(catalogue, tmp_path / "parts", days=2, **options)
    assert run(catalogue, tmp_path / "parts", **options)["days"] == whole["days"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"policy": "best"}, "--policy best: choose one of uniform, "),
        ({"days": 0}, "0 days"),
        ({"epsilon": 1.5}, "--epsilon 1.5"),
        ({"window": 0}, "--window 0"),
        ({"decay": 2.0}, "--decay 2.0"),
        ({"reward": "minutes"}, "give --reward take or play"),
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
