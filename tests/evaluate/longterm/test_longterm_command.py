"""`python -m evaluate longterm`: what it reads of a file, what it says, and what it refuses."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from evaluate.longterm.command import longterm, show
from evaluate.longterm.long_estimates import long_estimates
from evaluate.longterm.long_file import LongFile

NAMES = ["a", "b", "c"]
OUTCOMES = np.array([[0.8, 0.1, 0.1], [0.6, 0.1, 0.3], [0.5, 0.4, 0.1]])
"""Of each artwork: nothing, an early end, a take."""
WORTH = np.array([1.0, 0.0, 3.0])
TARGET = np.array([0.02, 0.96, 0.02])


def table(count=6000, hidden=0.0, seed=1):
    """A log of even draws; b hides a harm that no outcome tells of; the proxy knows outcomes."""
    g = np.random.default_rng(seed)
    action = g.integers(0, 3, count)
    outcome = (OUTCOMES[action].cumsum(1) < g.random(count)[:, None]).sum(1)
    reward = WORTH[outcome] - hidden * (action == 1) + 2 * g.normal(size=count)
    level = hidden / 3
    return pa.table(
        {
            "decision_id": [f"d{at}" for at in range(count)],
            "profile_id": [f"m{at // 3}" for at in range(count)],
            "candidates": [NAMES] * count,
            "action": [NAMES[at] for at in action],
            "reward": reward,
            "propensity": np.full(count, 1 / 3),
            "probabilities": [[1 / 3] * 3] * count,
            "target_probabilities": [TARGET.tolist()] * count,
            "outcome": [("none", "early", "take")[at] for at in outcome],
            "predicted_reward": WORTH[outcome] - level,
        }
    )


def judged(tmp_path, rows, **how):
    file = tmp_path / "long.parquet"
    pq.write_table(rows, file)
    return longterm(file, **{"resamples": 200, **how})


def test_lope_holds_the_truth_with_a_narrower_interval_than_dr(tmp_path, capsys):
    report = judged(tmp_path, table())
    truth = float(TARGET @ OUTCOMES @ WORTH)
    lope, dr = report.estimates["lope"], report.estimates["dr"]
    assert lope.low <= truth <= lope.high
    assert dr.low <= truth <= dr.high
    assert lope.high - lope.low < dr.high - dr.low
    assert report.read == "dr"
    assert not report.gap.broken
    show(report)
    assert "the proxy is not shown to leave anything out" in capsys.readouterr().out


def test_lopes_interval_counts_that_its_models_were_learnt_from_the_same_log(tmp_path):
    file = tmp_path / "long.parquet"
    pq.write_table(table(1500), file)
    held = LongFile.read(file)
    given = long_estimates(held.log, held.target, names=("lope",))["lope"]
    learnt = long_estimates(held.log, held.target, names=("lope",), again=held.again)["lope"]
    assert learnt.value == given.value
    assert learnt.high - learnt.low > given.high - given.low


def test_some_of_a_file_read_again_is_a_file_of_them_alone(tmp_path):
    rows = table(300)
    keep = np.arange(300) % 5 > 0
    every, some = tmp_path / "every.parquet", tmp_path / "some.parquet"
    pq.write_table(rows, every)
    pq.write_table(rows.filter(pa.array(keep)), some)
    again, alone = LongFile.read(every).again(keep), LongFile.read(some).log
    for name in ("action", "reward", "logged", "posterior", "estimated", "direct", "group"):
        np.testing.assert_allclose(getattr(again, name), getattr(alone, name), atol=1e-12)


def test_where_weights_of_actions_say_nothing_lope_is_read_with_care_or_nothing_is(tmp_path):
    few = judged(tmp_path, table(150))
    assert (few.read, few.words[0][:21]) == ("lope", "read lope, with care:")
    fewer = judged(tmp_path, table(60))
    assert fewer.words[0].startswith("do not use: the log is worth")


def test_harm_that_nothing_early_tells_of_is_said(tmp_path):
    report = judged(tmp_path, table(hidden=1.0))
    assert report.gap.broken
    assert report.gap.value == pytest.approx(-(0.96 - 1 / 3), abs=0.15)
    assert any("the proxy is broken for this target: it is too high" in w for w in report.words)


def test_likelihoods_that_a_file_brings_are_used(tmp_path):
    rows = table()
    codes = {"none": 0, "early": 1, "take": 2}
    seen = [codes[name] for name in rows["outcome"].to_pylist()]
    rows = rows.append_column("outcome_probabilities", pa.array([OUTCOMES[:, s] for s in seen]))
    exact = judged(tmp_path, rows).estimates["lope"]
    learnt = judged(tmp_path, table()).estimates["lope"]
    assert exact.value != learnt.value
    assert exact.value == pytest.approx(learnt.value, abs=0.05)


def test_candidates_of_different_numbers_are_read(tmp_path):
    rows = table(400).to_pylist()
    for row in rows[::2]:
        if row["action"] != "c":
            row |= {"candidates": NAMES[:2], "probabilities": [0.5, 0.5], "propensity": 0.5}
            row["target_probabilities"] = [0.2, 0.8]
    report = judged(tmp_path, pa.Table.from_pylist(rows))
    assert np.isfinite([e.value for e in report.estimates.values()]).all()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("outcome", None, "column outcome is missing; it is what was seen at once"),
        ("probabilities", None, "column probabilities is missing"),
        ("outcome", 0.5, "outcome is double; give text or whole numbers"),
        ("probabilities", [0.5, 0.5], "probabilities has 2 values for 3 candidates"),
        ("predicted_reward", float("nan"), "predicted_reward holds no finite number"),
        ("outcome_probabilities", [2.0, 0.0, 0.0], "holds a value that is no probability"),
        ("outcome_probabilities", [0.0, 0.0, 0.0], "could have led to what was seen"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, column, value, said):
    rows = table(30)
    if column in rows.schema.names:
        rows = rows.drop_columns([column])
    if value is not None:
        rows = rows.append_column(column, pa.array([value] * 30))
    with pytest.raises(BadInput, match=said):
        judged(tmp_path, rows)


def cells(tmp_path, noise=0.1, follows=1.0, count=40, **more):
    g = np.random.default_rng(2)
    true = g.normal(size=count)
    goal = follows * true + np.sqrt(1 - follows**2) * g.normal(size=count)
    lines = ["proxy,proxy_error,goal,goal_error"]
    for one, other in zip(true, goal, strict=True):
        seen = one + noise * g.normal(), other + 2 * noise * g.normal()
        lines.append(f"{seen[0]},{noise},{seen[1]},{2 * noise}")
    file = tmp_path / "cells.csv"
    file.write_text("\n".join(lines))
    return file


def test_a_proxy_that_moved_as_the_goal_is_faithful_and_one_that_did_not_is_not(tmp_path):
    good = longterm(cells=cells(tmp_path, noise=0.3)).proxy["goal"]
    assert good.verdict == "faithful"
    assert good.correlation > 0.9 > good.raw  # noise is taken off
    bad = longterm(cells=cells(tmp_path, follows=0.0))
    assert bad.proxy["goal"].verdict == "unfaithful"
    assert bad.words[0].endswith("do not maximise it")
    few = longterm(cells=cells(tmp_path, noise=2.0, follows=0.8, count=6)).proxy["goal"]
    assert few.verdict == "cannot tell"


def test_nothing_to_judge_and_bad_cells_exit_2_by_name(tmp_path):
    with pytest.raises(BadInput, match="there is nothing to judge"):
        longterm()
    file = cells(tmp_path, count=3)
    with pytest.raises(BadInput, match="3 cells say nothing of a proxy; give 5 or more"):
        longterm(cells=file)
    file.write_text(file.read_text().replace("goal_error", "goals"))
    run = [sys.executable, "-m", "evaluate", "longterm", "--cells", str(file), "--json"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "column goal_error is missing" in done.stderr
    done = subprocess.run(
        [*run[:5], str(cells(tmp_path)), "--json"], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["proxy"]["goal"]["cells"] == 40
