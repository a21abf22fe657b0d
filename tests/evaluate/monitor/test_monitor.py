"""A clean log raises no alarm; each planted fault raises its own."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.finding import worst
from data.errors import BadInput
from data.records import DECISIONS, EVENTS
from evaluate.monitor.monitor import inspect
from evaluate.monitor.takes import rewards_of
from tests.evaluate.columns import changed

DAYS, PROFILES, EACH = 3, 1000, 4


def log(seed=0):
    """Decisions, and examples with honest predictions, of a policy with epsilon 0.2."""
    g = np.random.default_rng(seed)
    n, k = DAYS * PROFILES * EACH, 4
    profile = np.tile(np.repeat(np.arange(PROFILES), EACH), DAYS)
    country = g.choice(["GB", "FR", "JP"], PROFILES)[profile]
    device = g.choice(["tv", "phone"], n)
    take = g.beta(2, 18, (n, k))
    p = np.full((n, k), 0.05) + 0.8 * np.eye(k)[take.argmax(1)]
    action = (p.cumsum(1) < g.random((n, 1))).sum(1).clip(0, k - 1)
    names = ["a", "b", "c", "d"]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {
            "schema_version": 1,
            "decision_id": f"{i:032x}",
            "time": start + timedelta(days=i // (PROFILES * EACH), minutes=i % 1000),
            "profile_id": f"p{profile[i]}",
            "title_id": i % EACH,
            "facts": {"country": country[i], "device": device[i], "tenure_days": 30.0},
            "candidates": names,
            "action": names[action[i]],
            "propensity": p[i, action[i]],
            "probabilities": p[i].tolist(),
            "policy": "thompson",
            "bundle": "b1",
            "seed": i,
            "level": "personalised",
        }
        for i in range(n)
    ]
    decisions = pa.Table.from_pylist(rows, DECISIONS)
    predicted = take[np.arange(n), action]
    kept = ["decision_id", "time", "profile_id", "candidates", "action", "propensity"]
    kept += ["policy", "bundle"]
    reward = pa.array((g.random(n) < predicted).astype(float))
    examples = decisions.select(kept).append_column("reward", reward)
    return decisions, examples.append_column("predicted_take", pa.array(predicted))


@pytest.fixture(scope="module")
def clean():
    return log()


def checks_of(folder, decisions, examples, **options):
    pq.write_table(decisions, folder / "decisions.parquet")
    pq.write_table(examples, folder / "examples.parquet")
    where = (str(folder / "decisions.parquet"), str(folder / "examples.parquet"))
    return inspect(*where, **options).checks


def not_ok(checks):
    return {c.name for c in checks if c.state != "ok"}


def test_a_clean_log_raises_nothing(clean, tmp_path):
    checks = checks_of(tmp_path, *clean, expected={"b1": [0.15, 0.2]})
    assert not_ok(checks) == set()
    names = {c.name for c in checks}
    assert {"propensity_shares", "entropy", "fallbacks", "calibration_error"} <= names
    assert {"promised_value", "lift_over_uniform", "drift_country"} <= names


def test_a_propensity_bug_alerts(clean, tmp_path):
    decisions, examples = clean
    # Probabilities logged from another policy than the one that chose.
    flat = [[0.25] * 4] * len(decisions)
    wrong = changed(changed(decisions, "probabilities", flat), "propensity", [0.4] * len(decisions))
    assert "propensity_rows" in not_ok(checks_of(tmp_path, wrong, examples))
    tilted = [[0.55, 0.15, 0.15, 0.15]] * len(decisions)
    p = [0.55 if a == "a" else 0.15 for a in decisions["action"].to_pylist()]
    quiet = changed(changed(decisions, "probabilities", tilted), "propensity", p)
    assert "propensity_shares" in not_ok(checks_of(tmp_path, quiet, examples))
    bare = changed(decisions, "probabilities", [None] * len(decisions))
    assert not_ok(checks_of(tmp_path, bare, examples)) == set()
    halved = changed(bare, "propensity", np.asarray(bare["propensity"]) * 0.8)
    assert "mean_weight_personalised" in not_ok(checks_of(tmp_path, halved, examples))


def test_miscalibration_alerts(clean, tmp_path):
    decisions, examples = clean
    proud = changed(examples, "predicted_take", np.asarray(examples["predicted_take"]) * 1.3)
    assert not_ok(checks_of(tmp_path, decisions, proud)) == {
        "calibration_error",
        "takes_of_predicted",
    }


def test_feature_skew_alerts_on_its_day(clean, tmp_path):
    decisions, examples = clean
    facts = decisions["facts"].to_pylist()
    skewed = [{**f, "device": None} if i >= 2 * PROFILES * EACH else f for i, f in enumerate(facts)]
    checks = checks_of(tmp_path, changed(decisions, "facts", skewed), examples)
    assert {(c.name, c.day) for c in checks if c.state != "ok"} == {("drift_device", "2026-01-03")}


@pytest.mark.parametrize("lost", [False, True])
def test_how_many_decisions_were_made_ahead_of_pages_is_no_drift(clean, tmp_path, lost):
    decisions, examples = clean
    draw = np.random.default_rng(1).random(len(decisions))
    last = np.arange(len(decisions)) >= 2 * PROFILES * EACH
    facts = [
        {**fact, "device": None if ahead else "tv" if lost and late else fact["device"]}
        for fact, ahead, late in zip(
            decisions["facts"].to_pylist(), draw < np.where(last, 0.8, 0.1), last, strict=True
        )
    ]
    checks = checks_of(tmp_path, changed(decisions, "facts", facts), examples)
    found = {(c.name, c.day) for c in checks if c.state != "ok"}
    assert found == ({("drift_device", "2026-01-03")} if lost else set())


def test_a_fifth_of_devices_recorded_as_another_warns(clean, tmp_path):
    """Their shares move by ten points, and the stability index by .04, which is no drift."""
    decisions, examples = clean
    other = np.random.default_rng(6).random(len(decisions)) < 0.2
    late = np.arange(len(decisions)) >= 2 * PROFILES * EACH
    facts = [
        {**fact, "device": "phone" if wrong else fact["device"]}
        for fact, wrong in zip(decisions["facts"].to_pylist(), other & late, strict=True)
    ]
    checks = checks_of(tmp_path, changed(decisions, "facts", facts), examples)
    assert {(c.name, c.day) for c in checks if c.state != "ok"} == {("drift_device", "2026-01-03")}
    drift = next(c for c in checks if c.name == "drift_device" and c.day == "2026-01-03")
    assert drift.value < 0.1
    assert "points" in drift.words


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_first_two_hours_of_a_service_are_no_reference(clean, tmp_path, zone):
    """It began at ten in the evening of its zone, with other devices than by day."""
    decisions, examples = clean
    evening = decisions.slice(0, 500)
    facts = [{**fact, "device": "watch"} for fact in evening["facts"].to_pylist()]
    begun = datetime(2025, 12, 31, 22 if zone == "UTC" else 13, tzinfo=UTC)
    times = [begun + timedelta(seconds=12 * i) for i in range(500)]
    evening = changed(changed(evening, "facts", facts), "time", times)
    evening = changed(evening, "decision_id", [f"{10**7 + i:032x}" for i in range(500)])
    evening = changed(evening, "seed", list(range(10**7, 10**7 + 500)))
    if zone != "UTC":  # days of Tokyo begin nine hours earlier
        moved = [time - timedelta(hours=9) for time in decisions["time"].to_pylist()]
        decisions = changed(decisions, "time", moved)
    both = pa.concat_tables([evening, decisions])
    checks = checks_of(tmp_path, both, examples, zone=zone)
    assert not any(name.startswith("drift") for name in not_ok(checks))
    days = {c.day for c in checks if c.name == "drift_device"}
    assert days == {"2026-01-01", "2026-01-02", "2026-01-03"}


def test_a_zone_that_is_none_is_refused(clean, tmp_path):
    with pytest.raises(BadInput, match="--zone 'Mars'"):
        checks_of(tmp_path, *clean, zone="Mars")


def test_fallbacks_and_broken_promises_alert(clean, tmp_path):
    decisions, examples = clean
    levels = ["default" if i % 2 else "personalised" for i in range(len(decisions))]
    assert "fallbacks" in not_ok(checks_of(tmp_path, changed(decisions, "level", levels), examples))
    checks = checks_of(tmp_path, decisions, examples, expected={"b1": [0.3, 0.4]})
    assert not_ok(checks) == {"promised_value"}


def test_a_policy_worse_than_uniform_alerts(clean, tmp_path):
    decisions, examples = clean
    rare = np.asarray(examples["propensity"]) < 0.1
    examples = changed(examples, "reward", rare.astype(float))
    assert "lift_over_uniform" in not_ok(checks_of(tmp_path, decisions, examples))


def test_what_was_not_drawn_does_not_speak_for_uniform_choice(clean, tmp_path):
    """A third more pages showed a default, with propensity 1, and all of them took it."""
    decisions, examples = clean
    fallbacks = examples.slice(0, len(examples) // 3)
    names = [f"{i:032x}" for i in range(10**6, 10**6 + len(fallbacks))]
    fallbacks = changed(changed(fallbacks, "decision_id", names), "reward", [1.0] * len(names))
    fallbacks = changed(fallbacks, "propensity", [1.0] * len(names))

    def lift(rows):
        checks = checks_of(tmp_path, decisions, rows)
        return next(c.value for c in checks if c.name == "lift_over_uniform")

    assert lift(pa.concat_tables([examples, fallbacks])) == pytest.approx(lift(examples))


def test_callers_and_hold_outs_are_no_fallbacks_and_earn_nothing_for_the_bundle(clean, tmp_path):
    """A third of the rows each are the caller's choice and a hold-out's, and all were taken."""
    decisions, examples = clean
    third = len(decisions) // 3
    policies = ["shown"] * third + ["unpersonalised"] * third
    policies += ["thompson"] * (len(decisions) - len(policies))
    levels = [one if one != "thompson" else "personalised" for one in policies]
    told = changed(changed(decisions, "policy", policies), "level", levels)
    known = {"fallbacks", "lift_over_uniform"}
    rewards = np.where(np.array(policies) == "shown", 1.0, examples["reward"])
    seen = changed(changed(examples, "policy", policies), "reward", rewards)
    checks = [c for c in checks_of(tmp_path, told, seen) if c.name in known]
    assert {c.value for c in checks if c.name == "fallbacks"} == {0.0}
    rest = seen.filter(pa.array([one != "shown" for one in policies]))
    alone = [c.value for c in checks_of(tmp_path, told, rest) if c.name == "lift_over_uniform"]
    assert [c.value for c in checks if c.name == "lift_over_uniform"] == pytest.approx(alone)
    pq.write_table(seen, tmp_path / "seen.parquet")
    [earned] = rewards_of(tmp_path / "seen.parquet").bundles
    assert (earned.group, earned.draws) == ("b1", len(decisions) - 2 * third)


def test_the_command_ends_with_the_state_and_writes_metrics_and_page(clean, tmp_path):
    decisions, examples = clean
    (tmp_path / "log" / "decisions").mkdir(parents=True)
    wrong = changed(decisions, "propensity", [0.9] * len(decisions))
    pq.write_table(wrong, tmp_path / "log" / "decisions" / "part.parquet")
    pq.write_table(examples, tmp_path / "examples.parquet")
    options = f"--examples {tmp_path}/examples.parquet --prometheus {tmp_path}/m.prom"
    options += f" --html {tmp_path}/m.html --json"
    done = subprocess.run(
        [sys.executable, "-m", "evaluate", "monitor", str(tmp_path / "log"), *options.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert json.loads(done.stdout)["state"] == "alert"
    assert (
        'marquee_monitor_state{bundle="b1",check="propensity_rows"'
        in (tmp_path / "m.prom").read_text()
    )
    page = (tmp_path / "m.html").read_text()
    assert "propensity rows" in page
    assert re.search(r"\d+ of \d+ checks want to be acted on", page)
    assert "<script" not in page


def test_a_folder_without_decisions_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no Parquet file"):
        inspect(str(tmp_path))
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(BadInput, match="python -m data check"):
        inspect(str(tmp_path))
    assert worst([]) == "ok"


def rows_of(decisions, keep):
    return decisions.filter(pa.array(np.asarray(keep)))


def test_rows_that_exist_only_where_the_draw_led_by_much_alert(clean, tmp_path):
    decisions, examples = clean
    rows = decisions.to_pylist()
    shown, renewed = {}, []
    for row in rows:
        pair = row["profile_id"], row["title_id"]
        chance = dict(zip(row["candidates"], row["probabilities"], strict=True))
        led = row["propensity"] - chance.get(shown.get(pair), 0.0) >= 0.2
        renewed.append(pair not in shown or (led and row["action"] != shown[pair]))
        if renewed[-1]:
            shown[pair] = row["action"]
    seen = not_ok(checks_of(tmp_path, rows_of(decisions, renewed), examples))
    assert {"draws_given_before", "mean_weight_personalised"} <= seen


def test_pages_that_share_a_draw_alert(clean, tmp_path):
    decisions, examples = clean
    again = decisions.slice(0, 400)
    again = changed(again, "decision_id", [f"{10**6 + i:032x}" for i in range(400)])
    seen = checks_of(tmp_path, pa.concat_tables([decisions, again]), examples)
    assert "repeated_draws" in not_ok(seen)
    both = pa.concat_tables(
        [examples, changed(examples.slice(0, 400), "decision_id", again["decision_id"].to_pylist())]
    )
    seen = checks_of(tmp_path, pa.concat_tables([decisions, again]), both)
    assert "rows_a_draw" in not_ok(seen)


def test_an_id_that_names_two_things_alerts(clean, tmp_path):
    decisions, examples = clean
    first = decisions.slice(0, 1)
    other = {"a": "b"}.get(first["action"][0].as_py(), "a")
    twice = pa.concat_tables([decisions, changed(first, "action", [other])])
    assert "ids_that_name_two_things" in not_ok(checks_of(tmp_path, twice, examples))
    same = pa.concat_tables([decisions, first])  # a copy is no other thing
    assert "ids_that_name_two_things" not in not_ok(checks_of(tmp_path, same, examples))


def test_choices_that_nobody_drew_alert(clean, tmp_path):
    decisions, examples = clean
    p = np.asarray(decisions["propensity"]).copy()
    p[::10] = 1.0
    ruled = changed(decisions, "propensity", p)
    ruled = changed(ruled, "probabilities", [None] * len(ruled))
    assert "certain_choices" in not_ok(checks_of(tmp_path, ruled, examples))


def impressions(decisions, **columns):
    rows = [
        dict.fromkeys(EVENTS.names)
        | {"schema_version": 2, "event_id": f"e{i}", "kind": "impression"}
        | {name: row[name] for name in ("time", "decision_id", "profile_id", "title_id")}
        | {"received": row["time"], "artwork_id": row["action"]}
        | {name: value for name, value in columns.items() if i % 20 == 0}
        for i, row in enumerate(decisions.to_pylist())
    ]
    return pa.Table.from_pylist(rows, EVENTS)


@pytest.mark.parametrize(
    "wrong", [{"artwork_id": "z"}, {"profile_id": "other"}, {"decision_id": "f" * 32}]
)
def test_impressions_of_what_was_not_decided_alert(clean, tmp_path, wrong):
    decisions = clean[0].slice(0, 2000)
    (tmp_path / "decisions").mkdir()
    pq.write_table(decisions, tmp_path / "decisions" / "d.parquet")
    (tmp_path / "events").mkdir()
    pq.write_table(impressions(decisions), tmp_path / "events" / "e.parquet")
    assert "impressions_of_decisions" not in not_ok(inspect(str(tmp_path)).checks)
    pq.write_table(impressions(decisions, **wrong), tmp_path / "events" / "e.parquet")
    assert "impressions_of_decisions" in not_ok(inspect(str(tmp_path)).checks)
