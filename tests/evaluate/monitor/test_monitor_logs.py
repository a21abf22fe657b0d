"""Logs as `python -m simulate log` writes them: clean ones raise nothing, planted faults alarm."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.join.join import join
from evaluate.monitor.monitor import inspect, monitor, status
from evaluate.policies.predictions import predicted_takes
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.habits import NO_HABITS, Habits
from simulate.browsing.log import read_expected, write_days
from simulate.browsing.logging_policies import logging_policy
from tests.evaluate.columns import changed

DAYS = 4


@pytest.fixture(scope="module")
def clean(story, tmp_path_factory):
    """Decisions, and examples with the true expected take as predictions."""
    return lived(story, tmp_path_factory.mktemp("live"), Habits())


@pytest.fixture(scope="module")
def steady(story, tmp_path_factory):
    """The same where nobody skips, so that takes do not fall as the best is seen."""
    return lived(story, tmp_path_factory.mktemp("steady"), NO_HABITS)


def lived(story, root, habits):
    browsing = Browsing(4000, 8, False, 0.0, True, habits)
    policy = logging_policy("epsilon", len(story.catalogue.artwork_ids), 0.3)
    write_days(browse_days(story.world, policy, range(DAYS), browsing, None), root / "log")
    join(root / "log", story.root / "catalogue", root / "examples")
    decisions = table_of(root / "log" / "decisions")
    examples = table_of(root / "examples")
    expected = read_expected(root / "log")
    takes = dict(zip(*(expected[c].to_pylist() for c in ("decision_id", "expected")), strict=True))
    rows = examples.select(["decision_id", "candidates", "action"]).to_pylist()
    true = [takes[r["decision_id"]][r["candidates"].index(r["action"])] for r in rows]
    return decisions, examples.append_column("predicted_take", pa.array(true)), root


def table_of(folder):
    files = sorted(folder.rglob("*.parquet"))
    return ds.dataset([str(f) for f in files if not f.name.startswith("_")]).to_table()


def alarms(folder, decisions, examples):
    pq.write_table(decisions, folder / "decisions.parquet")
    pq.write_table(examples, folder / "examples.parquet")
    found = inspect(str(folder / "decisions.parquet"), str(folder / "examples.parquet"))
    return {(c.name, c.day) for c in found.checks if c.state != "ok"}


def test_a_clean_log_raises_nothing(clean, tmp_path):
    decisions, examples, _ = clean
    assert alarms(tmp_path, decisions, examples) == set()


def test_propensities_of_another_exploration_alarm_on_their_day(clean, tmp_path):
    """The policy explores with 0.3, and on one day the log says 0.1 of it."""
    decisions, examples, _ = clean
    rows = decisions.select(["time", "candidates", "action", "probabilities"]).to_pylist()
    told, chosen = [], []
    for row in rows:
        p, k = np.array(row["probabilities"]), len(row["candidates"])
        if row["time"].day == 3:
            p = (p - 0.3 / k) / 0.7 * 0.9 + 0.1 / k
        told.append(p.tolist())
        chosen.append(p[row["candidates"].index(row["action"])])
    wrong = changed(changed(decisions, "probabilities", told), "propensity", chosen)
    found = alarms(tmp_path, wrong, examples)
    day = "2026-01-03"
    assert found == {("propensity_shares", day), ("mean_weight_personalised", day)}


def test_a_propensity_that_is_not_the_actions_alarms(clean, tmp_path):
    decisions, examples, _ = clean
    values = decisions["propensity"].to_numpy().copy()
    values[:50] = 0.5
    found = alarms(tmp_path, changed(decisions, "propensity", values), examples)
    assert ("propensity_rows", "2026-01-01") in found


def test_miscalibration_alarms(clean, tmp_path):
    decisions, examples, _ = clean
    proud = examples["predicted_take"].to_numpy() * 1.35
    found = alarms(tmp_path, decisions, changed(examples, "predicted_take", proud))
    assert {name for name, _ in found} == {"calibration_error", "takes_of_predicted"}


def test_feature_skew_alarms_on_its_day(clean, tmp_path):
    decisions, examples, _ = clean
    facts = decisions["facts"].to_pylist()
    days = [moment.day for moment in decisions["time"].to_pylist()]
    skewed = [
        {**f, "tenure_days": f["tenure_days"] / 24} if day == 4 else f
        for f, day in zip(facts, days, strict=True)
    ]
    found = alarms(tmp_path, changed(decisions, "facts", skewed), examples)
    assert found == {("drift_tenure", "2026-01-04")}


def test_predictions_of_a_bundle_are_of_what_was_shown(story, clean, planted):
    _, examples, root = clean
    bundle = planted([[1.0]] * 2)
    said = predicted_takes(bundle, root / "examples", story.root / "catalogue")
    known = dict(zip(story.catalogue.artwork_ids, story.catalogue.embeddings[:, 0], strict=True))
    shown = np.array([known[a] for a in examples["action"].to_pylist()])
    np.testing.assert_allclose(said["predicted_take"], 1 / (1 + np.exp(2 - shown)), rtol=1e-5)
    assert said["decision_id"].to_pylist() == examples["decision_id"].to_pylist()


def test_a_bundle_answers_for_its_own_decisions(story, clean, planted, tmp_path):
    _, examples, _ = clean
    bundle = planted([[1.0]])
    names = [None] * len(examples)
    names[5:9] = [Path(bundle).name] * 4
    pq.write_table(changed(examples, "bundle", names), tmp_path / "e.parquet")
    said = predicted_takes(bundle, tmp_path / "e.parquet", story.root / "catalogue")
    assert said["decision_id"].to_pylist() == examples["decision_id"].to_pylist()[5:9]


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_command_predicts_with_a_bundle(story, steady, planted, shift):
    """A bundle whose takes are right on average is ok, one that promises too much is not."""
    _, examples, root = steady
    actual = float(np.mean(examples["reward"]))
    # A logit moves by 1 / (p · (1 − p)) of what the mean take of the artwork moves by.
    slope = 1 / (actual * (1 - actual))
    taken = float(story.catalogue.embeddings.mean())
    bias = np.log(actual / (1 - actual)) - slope * taken + shift
    bundle = planted([[slope]], bias=bias)
    where = {"examples": str(root / "examples"), "catalogue": str(story.root / "catalogue")}
    found = monitor(str(root / "log"), bundle=bundle, **where)
    wrong = {c.name for c in found.checks if c.state != "ok"}
    assert wrong == ({"calibration_error", "takes_of_predicted"} if shift else set())
    assert found.state == ("alert" if shift else "ok")
    assert status(found) == (4 if shift else 0)


def test_a_bundle_without_examples_is_refused(clean, planted):
    bundle = planted([[1.0]])
    with pytest.raises(BadInput, match="--bundle predicts"):
        monitor(str(clean[2] / "log"), bundle=bundle)


def test_a_log_of_runs_alone_is_said_to_hold_no_rendered_draw(tmp_path):
    (tmp_path / "runs").mkdir()
    pq.write_table(pa.table({"profile_id": ["a"]}), tmp_path / "runs" / "run.parquet")
    with pytest.raises(BadInput, match="runs of precompute alone"):
        inspect(str(tmp_path))


DRIFTS = {
    "age": {"age"},  # in months
    "hobbies": {"hobbies"},  # as many, under other names
    "taste": {"taste[1]", "taste[2]"},  # other numbers, of the same mean
}


@pytest.mark.parametrize("odd", DRIFTS)
def test_a_drift_of_a_fact_of_ones_own_alarms_on_its_day(odd, clean, tmp_path):
    """Members have a plan, an age, hobbies and tastes; on one day something is other than usual."""
    decisions, examples, _ = clean
    days = [moment.day for moment in decisions["time"].to_pylist()]
    profiles = decisions["profile_id"].to_pylist()

    def own(profile, day):
        number, wrong = sum(profile.encode()), odd if day == 4 else None
        hobbies = ["see", "noire"] if wrong == "hobbies" else ["sea", "noir"]
        liked = float(number % 7) / (2 if wrong == "taste" else 1)
        return [
            ("age", {"numbers": [(20.0 + number % 50) * (12 if wrong == "age" else 1)]}),
            ("plan", {"names": [["solo", "family"][number % 2]]}),
            ("hobbies", {"names": hobbies[: number % 3]}),
            ("taste", {"numbers": [liked, 6 - liked]}),
        ]

    facts = [
        each | {"own": own(profile, day)}
        for each, profile, day in zip(decisions["facts"].to_pylist(), profiles, days, strict=True)
    ]
    found = alarms(tmp_path, changed(decisions, "facts", facts), examples)
    assert found == {(f"drift_own.{name}", "2026-01-04") for name in DRIFTS[odd]}
