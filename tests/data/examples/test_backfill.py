"""Features over old logs: what was known at each decision, and nothing that came after."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.examples.backfill import features
from data.examples.history import future_leaks
from data.examples.member_history import member_history
from data.features import FeatureSpec, context_features
from data.log.parquet import append_table
from data.records import DECISIONS, EVENTS

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPEC = FeatureSpec(
    {name: ["a"] for name in ("country", "language", "device", "surface", "day_part")},
    ["drama"],
    ["dark"],
    3.0,
    1.0,
    0.0,
    1.0,
)


def decision(name="d", time=NOON, profile="m", title=1, **facts):
    known = {"country": "a", "tenure_days": 30.0, "watched_genres": [("drama", 2.0)]}
    return {
        "schema_version": 1,
        "decision_id": name,
        "time": time,
        "profile_id": profile,
        "title_id": title,
        "facts": known | facts,
        "candidates": ["x", "y"],
        "action": "x",
        "propensity": 0.5,
        "policy": "uniform",
        "seed": 1,
        "level": "personalised",
    }


def event(name, kind, received, title=1, profile="m", time=None, **said):
    return {
        "schema_version": 1,
        "event_id": name,
        "kind": kind,
        "time": time or received,
        "received": received,
        "profile_id": profile,
        "title_id": title,
        **said,
    }


def tables(decisions, events):
    return pa.Table.from_pylist(decisions, DECISIONS), pa.Table.from_pylist(events, EVENTS)


def write(log, decisions, events):
    for kind, table in zip(("decisions", "events"), tables(decisions, events), strict=True):
        append_table(log, kind, table, "part")


PAST = [
    event("i1", "impression", NOON - 30 * HOUR, artwork_id="x"),
    event("i2", "impression", NOON - 20 * HOUR, artwork_id="y"),
    event("i3", "impression", NOON - 2 * HOUR, title=2, artwork_id="z"),
    event("p1", "play", NOON - 19 * HOUR),
    event("w1", "progress", NOON - 18 * HOUR, minutes=45.0),
    event("p2", "play", NOON - 200 * HOUR),
    event("o1", "play", NOON - HOUR, profile="another"),
]
FUTURE = [
    event("f1", "play", NOON + HOUR),
    event("f2", "impression", NOON + HOUR, artwork_id="future"),
    # Happened before the decision, but no one had heard of it then: a phone that was offline.
    event("f3", "play", NOON + HOUR, time=NOON - 3 * HOUR),
    event("f4", "progress", NOON + HOUR, time=NOON - 3 * HOUR, minutes=90.0),
    event("f5", "impression", NOON, time=NOON - HOUR, artwork_id="future"),
]
KNOWN = {
    "decision_id": "d",
    "plays_7d": 1,
    "minutes_7d": 45.0,
    "hours_since_play": 19.0,
    "title_impressions_7d": 2,
    "hours_since_title": 20.0,
    "last_artwork": "y",
}


def test_history_is_what_had_been_received():
    assert member_history(*tables([decision()], PAST)).to_pylist() == [KNOWN]


def test_a_planted_future_changes_nothing():
    assert member_history(*tables([decision()], PAST + FUTURE)).to_pylist() == [KNOWN]


def test_copies_of_an_event_count_once_and_who_did_nothing_has_nothing():
    assert member_history(*tables([decision()], PAST + PAST)).to_pylist() == [KNOWN]
    [row] = member_history(*tables([decision(profile="new")], PAST)).to_pylist()
    assert (row["plays_7d"], row["minutes_7d"], row["hours_since_play"]) == (0, 0, None)


def clairvoyant(decisions, events):
    """How often the profile plays: all plays, those to come too."""
    plays = events.filter(pc.equal(events["kind"], "play"))["profile_id"].to_pylist()
    count = [plays.count(profile) for profile in decisions["profile_id"].to_pylist()]
    return pa.table({"decision_id": decisions["decision_id"], "plays": count})


def hearsay(decisions, events):
    """Plays that happened before, whether or not anyone had heard of them."""
    played = [
        (row["profile_id"], row["time"]) for row in events.to_pylist() if row["kind"] == "play"
    ]
    count = [
        sum(who == row["profile_id"] and when < row["time"] for who, when in played)
        for row in decisions.to_pylist()
    ]
    return pa.table({"decision_id": decisions["decision_id"], "plays": count})


@pytest.mark.parametrize("compute", [clairvoyant, hearsay])
def test_a_feature_that_looks_into_the_future_is_caught(compute):
    decisions, events = tables([decision()], PAST + FUTURE)
    found = compute(decisions, events)
    [leak] = future_leaks(compute, decisions, events, found, 10)
    assert "plays of decision d" in leak


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), max_size=12))
def test_no_log_makes_the_built_in_history_leak(times):
    events = [
        event(
            f"e{i}",
            ("play", "impression")[i % 2],
            NOON + happened * HOUR,
            time=NOON + received * HOUR,
            artwork_id=f"a{i}",
        )
        for i, (happened, received) in enumerate(times)
    ]
    decisions, told = tables([decision("d1"), decision("d2", NOON + 5 * HOUR, title=2)], events)
    found = member_history(decisions, told)
    assert future_leaks(member_history, decisions, told, found, 2) == []


def test_the_command_writes_the_days_since_with_older_history(tmp_path):
    log, out = tmp_path / "log", tmp_path / "features"
    days = [decision(f"d{n}", NOON + n * 24 * HOUR, row=n) for n in range(-2, 3)]
    write(log, days, PAST + FUTURE)
    (tmp_path / "features.json").write_text(SPEC.to_json())
    result = features("2026-01-10", log, out, specification=tmp_path / "features.json")
    assert (result.days, result.decisions, result.leaks) == (3, 3, 0)
    assert result.fingerprint == SPEC.fingerprint
    rows = pq.read_table(out).sort_by("time")
    assert rows["decision_id"].to_pylist() == ["d0", "d1", "d2"]
    assert {name: rows[name][0].as_py() for name in KNOWN if name != "decision_id"} == {
        name: value for name, value in KNOWN.items() if name != "decision_id"
    }
    assert rows["plays_7d"].to_pylist() == [1, 3, 3]
    facts = pa.array([row["facts"] for row in days[2:]], DECISIONS.field("facts").type)
    np.testing.assert_array_equal(
        np.array(rows["dense"].to_pylist(), np.float32), context_features(SPEC, facts).dense
    )
    assert json.loads((out / "_features.json").read_text()) == json.loads(SPEC.to_json())


def test_the_command_refuses_a_history_that_leaks(tmp_path):
    write(tmp_path / "log", [decision()], PAST + FUTURE)
    (tmp_path / "features.json").write_text(SPEC.to_json())
    with pytest.raises(BadInput, match="looks into the future: plays of decision d is 4, and 2"):
        features(
            "2026-01-10",
            tmp_path / "log",
            tmp_path / "out",
            specification=tmp_path / "features.json",
            history=f"{__name__}:clairvoyant",
        )
    assert not any((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"since": "tomorrow"}, "--since 'tomorrow' is not a day"),
        ({"since": "2027-01-01"}, "its days are 2026-01-10 to 2026-01-10"),
        ({"since": "2026-01-01", "specification": Path("nowhere")}, "no specification at nowhere"),
        ({"since": "2026-01-01", "history": "nowhere:f"}, "--history nowhere:f"),
        ({"since": "2026-01-01", "history": "data.examples.member_history:not_there"}, "not_there"),
    ],
)
def test_what_cannot_be_computed_is_refused(options, complaint, tmp_path):
    write(tmp_path / "log", [decision()], PAST)
    with pytest.raises(BadInput, match=complaint):
        features(log=tmp_path / "log", out=tmp_path / "out", **options)
