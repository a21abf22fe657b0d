"""The join: one example for every decision that was shown, worth what came of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.join.attribution import Attribution
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.join.rewards import reward_named
from data.records import DECISIONS, EVENTS, EXAMPLES

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERSION_1 = Path(__file__).parent / "schema_1"


def hours(n):
    return timedelta(hours=n)


AN_HOUR_ON = NOON + hours(1)
MUCH_LATER = NOON + hours(24 * 20)


def decision(name="d", at=NOON, **said):
    return {
        "schema_version": 1,
        "decision_id": name,
        "time": at,
        "profile_id": "ada",
        "title_id": 7,
        "facts": {"country": "BR"},
        "candidates": ["x", "y"],
        "action": "x",
        "propensity": 0.5,
        "policy": "uniform",
        "seed": 1,
        "level": "personalised",
        **said,
    }


def event(kind, at, name="d", **said):
    return {
        "schema_version": 1,
        "event_id": f"{kind}-{at}-{name}",
        "kind": kind,
        "time": at,
        "received": at,
        "decision_id": name,
        "profile_id": "ada",
        "title_id": 7,
        **said,
    }


def shown(at=NOON, name="d", **said):
    return event("impression", at, name, **said)


def watched(minutes, at=AN_HOUR_ON, name="d", **said):
    return event("progress", at, name, minutes=minutes, **said)


def log(folder, decisions=(), events=(), part="a"):
    for kind, rows, schema in (("decisions", decisions, DECISIONS), ("events", events, EVENTS)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        if rows:
            table = pa.Table.from_pylist(list(rows), schema)
            pq.write_table(table, folder / kind / f"{part}.parquet")
    titles = pa.table({"title_id": [7, 8], "runtime_minutes": pa.array([100, 30], pa.float32())})
    pq.write_table(titles, folder / "titles.parquet")
    return folder


def examples(out):
    files = sorted(Path(out).rglob("*.parquet"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def joined(folder, now=MUCH_LATER, **how):
    join(folder, folder / "titles.parquet", folder / "out", now=now, **how)
    return examples(folder / "out")


def test_an_example_is_the_decision_and_what_came_of_it(tmp_path):
    page = {"device": "tv", "surface": "home", "row": 0, "column": 3}
    log(tmp_path, [decision()], [shown(**page), watched(25.0)])
    [example] = joined(tmp_path)
    assert example["reward"] == 1
    assert example["reward_name"] == "take"
    assert (example["played"], example["minutes"]) == (True, 25)
    assert (example["time"], example["action"], example["propensity"]) == (NOON, "x", 0.5)
    assert {**example["facts"], **page} == example["facts"]
    [file] = (tmp_path / "out").rglob("*.parquet")
    assert file.parent.name == "day=2026-01-01"
    assert pq.ParquetFile(file).schema_arrow.equals(EXAMPLES)


def test_what_the_decision_knew_of_its_page_stays(tmp_path):
    facts = {"device": "phone", "row": 5}
    log(tmp_path, [decision(facts=facts)], [shown(device="tv", row=1, surface="home")])
    [example] = joined(tmp_path)
    known = {name: example["facts"][name] for name in ("device", "row", "surface", "column")}
    assert known == {"device": "phone", "row": 5, "surface": "home", "column": None}


def test_the_first_impression_fills_in_the_page(tmp_path):
    log(tmp_path, [decision()], [shown(NOON + hours(2), row=2), shown(NOON + hours(1), row=1)])
    assert joined(tmp_path)[0]["facts"]["row"] == 1


@pytest.mark.parametrize(
    ("title", "minutes", "take"),
    [(7, 20.0, 1), (7, 19.75, 0), (8, 15.0, 1), (8, 14.75, 0), (99, 20.0, 1), (99, 19.0, 0)],
)
def test_a_take_is_twenty_minutes_or_half_of_a_short_title(title, minutes, take, tmp_path):
    rows = [shown(title_id=title), watched(minutes, title_id=title)]
    log(tmp_path, [decision(title_id=title)], rows)
    assert joined(tmp_path)[0]["reward"] == take


@pytest.mark.parametrize(
    ("reward", "value"),
    [
        ("take", 0),
        ("play", 1),
        ("minutes", 12.5),
        ("liked=CASE WHEN thumb = 1 THEN 2.0 ELSE 0.0 END", 2),
        ("whole=CAST(minutes AS INTEGER) // 5 -- of five minutes", 2),
    ],
)
def test_rewards_are_named_and_may_be_your_own(reward, value, tmp_path):
    log(tmp_path, [decision()], [shown(), watched(12.5), event("thumb", NOON + hours(2), thumb=1)])
    [example] = joined(tmp_path, reward=reward)
    assert example["reward"] == value
    assert example["reward_name"] == reward.partition("=")[0]


@pytest.mark.parametrize(
    ("reward", "complaint"),
    [
        (
            "clicks",
            "there is no reward 'clicks'; choose one of take, play, minutes, or define one as "
            "'name=SQL expression'",
        ),
        (
            "take=minutes",
            "the reward 'take' is already defined; give your expression a new name",
        ),
        (
            "Take It=minutes",
            "the reward's name 'Take It' must be a lower-case word such as 'binge': it is stored "
            "with every example",
        ),
        (
            "two=minutes; DROP TABLE x",
            "the reward 'two' has the expression 'minutes; DROP TABLE x'; give one SQL expression, "
            "such as 'CASE WHEN minutes >= 60 THEN 1.0 ELSE 0.0 END'",
        ),
        (
            "empty=",
            "the reward 'empty' has the expression ''; give one SQL expression, such as "
            "'CASE WHEN minutes >= 60 THEN 1.0 ELSE 0.0 END'",
        ),
    ],
)
def test_a_reward_that_is_none_is_refused(reward, complaint):
    with pytest.raises(BadInput) as refused:
        reward_named(reward)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    "reward",
    [
        "r=NULL",
        "r=minutes + nonsense",
        "r=sum(minutes) OVER ()",
        "r=(SELECT count(*) FROM read_text('/etc/hostname'))",
        "r=random()",
        "r=getenv('HOME')",
        "r=minutes) AS reward, (1",
        "r=1) UNION (SELECT 1",
        "r=1) LIMIT (1",
        "r=\ud800",
        pytest.param("r=1" + " + 1" * 400, id="deeper than is read"),
    ],
)
def test_a_reward_that_cannot_be_computed_changes_nothing(reward, tmp_path):
    log(tmp_path, [decision()], [shown()])
    before = joined(tmp_path)
    with pytest.raises(BadInput, match="reward"):
        joined(tmp_path, reward=reward)
    assert examples(tmp_path / "out") == before


def test_an_open_window_waits_and_is_no_zero(tmp_path):
    log(tmp_path, [decision()], [shown(), watched(30.0)])
    assert joined(tmp_path, now=NOON + hours(48) - timedelta(microseconds=1)) == []
    assert len(joined(tmp_path, now=NOON + hours(48))) == 1


def test_the_logs_own_clock_closes_windows_when_no_time_is_given(tmp_path):
    log(tmp_path, [decision()], [shown()])
    assert joined(tmp_path, now=None) == []
    log(tmp_path, [decision("later", NOON + hours(72), title_id=8)], part="b")
    assert [example["decision_id"] for example in joined(tmp_path, now=None)] == ["d"]


def test_an_engagement_that_names_no_decision_counts_once_for_the_last_impression(tmp_path):
    log(
        tmp_path,
        [decision("old"), decision("new", NOON + hours(5))],
        [
            shown(NOON, "old"),
            shown(NOON + hours(6), "new"),
            watched(40.0, NOON + hours(7), None, surface="search"),
        ],
    )
    assert {e["decision_id"]: e["reward"] for e in joined(tmp_path)} == {"old": 0, "new": 1}


def test_copies_of_an_engagement_without_a_decision_are_each_heard_whichever_came_first(tmp_path):
    said = [watched(minutes, name=None, event_id="w") for minutes in (5.0, 30.0, -0.0)]
    for turn, rows in enumerate((said, said[::-1])):
        folder = log(tmp_path / str(turn), [decision(), decision("e")], [shown(), shown(name="e")])
        log(folder, (), rows, part="b")
        minutes = {e["decision_id"]: str(e["minutes"]) for e in joined(folder)}
        assert minutes == {"d": "30.0", "e": "0.0"}  # shown at one time: the first by its id


def test_late_data_corrects_a_closed_day_and_leaves_the_others(tmp_path):
    other = decision("other", NOON + hours(24), profile_id="bo")
    log(tmp_path, [decision(), other], [shown(), shown(NOON + hours(24), "other", profile_id="bo")])
    assert [example["reward"] for example in joined(tmp_path)] == [0, 0]
    untouched = (tmp_path / "out/day=2026-01-02/examples.parquet").stat().st_mtime_ns
    log(tmp_path, events=[watched(30.0, received=NOON + hours(400))], part="late")
    report = join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    assert report.joined_days == ["2026-01-01"]
    assert [example["reward"] for example in examples(tmp_path / "out")] == [1, 0]
    assert (tmp_path / "out/day=2026-01-02/examples.parquet").stat().st_mtime_ns == untouched


def test_joining_again_does_nothing(tmp_path):
    log(tmp_path, [decision()], [shown()])
    before = joined(tmp_path)
    report = join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    assert report.joined_days == []
    assert report.examples == 1
    assert examples(tmp_path / "out") == before


def test_other_settings_join_everything_again(tmp_path):
    log(tmp_path, [decision()], [shown(), watched(30.0, NOON + hours(30))])
    assert joined(tmp_path)[0]["reward"] == 1
    assert joined(tmp_path, attribution=Attribution(window_hours=24))[0]["reward"] == 0
    assert joined(tmp_path, reward="minutes")[0]["reward"] == 30


def test_examples_whose_log_is_retired_stay_and_cannot_be_remade(tmp_path):
    log(tmp_path, [decision()], [shown()])
    log(tmp_path, [decision("d2", NOON + hours(24))], [shown(NOON + hours(24), "d2")], part="b")
    assert len(joined(tmp_path)) == 2
    for kind in ("decisions", "events"):
        (tmp_path / kind / "a.parquet").unlink()
    assert len(joined(tmp_path)) == 2
    with pytest.raises(BadInput, match="are gone"):
        joined(tmp_path, reward="play")


@pytest.mark.parametrize("note", ["", "[]", '{"days": {"x": {}}}', '{"days": {}, "other": 1}'])
def test_a_damaged_note_of_what_was_joined_is_refused_and_nothing_touched(note, tmp_path):
    log(tmp_path, [decision()], [shown()])
    joined(tmp_path)
    (tmp_path / "out/_join.json").write_text(note)
    before = examples(tmp_path / "out")
    with pytest.raises(BadInput, match=r"_join.json is damaged"):
        joined(tmp_path)
    assert examples(tmp_path / "out") == before


def test_what_a_killed_join_left_is_cleared_away(tmp_path):
    log(tmp_path, [decision()], [shown()])
    (tmp_path / "out/.staging").mkdir(parents=True)
    (tmp_path / "out/.staging/2026-01-01.1.staged").write_bytes(b"half")
    assert len(joined(tmp_path)) == 1
    assert not (tmp_path / "out/.staging").exists()


def test_logs_of_schema_version_1_stay_readable(tmp_path):
    join(VERSION_1, None, tmp_path / "out", now=MUCH_LATER)
    [example] = examples(tmp_path / "out")
    assert example["reward"] == 1
    assert example["facts"]["watched_genres"] == [("comedy", 3.0)]


def test_logs_of_a_later_schema_version_are_refused(tmp_path):
    log(tmp_path, [decision(schema_version=99)])
    with pytest.raises(BadInput, match="schema version 99"):
        joined(tmp_path)


def test_bad_input_says_what_to_give(tmp_path):
    with pytest.raises(BadInput, match=r"holds no decisions/\*\.parquet; give the folder that"):
        join(tmp_path, None, tmp_path / "out")
    log(tmp_path, [decision()])
    with pytest.raises(
        BadInput, match=r"^there is no join engine 'sqlite'; choose one of duckdb, spark$"
    ):
        EngineSettings("sqlite")
    with pytest.raises(BadInput, match=r"nowhere is not there; give --catalogue the folder that"):
        join(tmp_path, tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(
        BadInput, match=r"^window_hours is 0; give a positive span, such as the default$"
    ):
        Attribution(window_hours=0)
    with pytest.raises(BadInput, match=r"^--master local is of Spark; add --engine spark$"):
        EngineSettings(master="local")
    with pytest.raises(BadInput, match="horizon_days is 87840"):
        Attribution(horizon_days=3660 * 24)
    (tmp_path / "decisions/torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match="not a whole Parquet file"):
        joined(tmp_path)


# Every small log, against the definition written out in loops.

MINUTE = timedelta(minutes=1)
MOMENTS = st.sampled_from([-6, -5, -1, 0, 1, 60, 24 * 60, 48 * 60, 48 * 60 + 1, 70 * 60]).map(
    lambda m: NOON + m * MINUTE
)
DECISION_ROWS = st.builds(
    lambda name, at: decision(name, at, profile_id="ada" if name < "c" else "bo"),
    st.sampled_from("abcd"),
    st.sampled_from([NOON, NOON + hours(13)]),
)
EVENT_ROWS = st.builds(
    lambda kind, at, ahead, name, anyone, minutes, number: event(
        kind,
        at,
        name,
        received=at + ahead,
        event_id=f"e{number}",
        profile_id={"a": "ada", "b": "ada", "c": "bo", "d": "bo"}.get(name, anyone),
        minutes=minutes if kind == "progress" else None,
    ),
    st.sampled_from(["impression", "impression", "play", "progress", "progress"]),
    MOMENTS,
    st.sampled_from([0, 3 * 60, -30]).map(lambda m: m * MINUTE),
    st.sampled_from(["a", "b", "c", "d", None, "gone"]),
    st.sampled_from(["ada", "bo"]),
    st.sampled_from([5.0, 20.0, 50.0]),
    st.integers(0, 10**9),
)


def defined(decisions, events, now):
    """decision_id → (played, minutes), by the definition."""
    first, skew, window = {}, 5 * MINUTE, hours(48)
    for row in decisions:
        name = row["decision_id"]
        first[name] = min(first.get(name, row["time"]), row["time"])
    when = {e["event_id"]: min(e["time"], e["received"]) for e in events}
    shows = [e for e in events if e["kind"] == "impression" and e["decision_id"] is not None]

    def owner(e):
        if e["decision_id"] is not None:
            return e["decision_id"]
        t = when[e["event_id"]]
        near = [
            s
            for s in shows
            if s["profile_id"] == e["profile_id"] and t - window <= when[s["event_id"]] <= t + skew
        ]
        near.sort(key=lambda s: s["decision_id"])
        near.sort(key=lambda s: when[s["event_id"]], reverse=True)
        near.sort(key=lambda s: when[s["event_id"]] > t)
        return near[0]["decision_id"] if near else None

    found = {}
    for name, decided in first.items():
        seen = [when[s["event_id"]] for s in shows if s["decision_id"] == name]
        seen = [t for t in seen if t >= decided - skew]
        if not seen or min(seen) + window > now:
            continue
        mine = [
            e
            for e in events
            if e["kind"] != "impression"
            and owner(e) == name
            and min(seen) - skew <= when[e["event_id"]] <= min(seen) + window
        ]
        found[name] = (bool(mine), max([e["minutes"] or 0 for e in mine], default=0))
    return found


@settings(
    deadline=None,
    max_examples=30,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    decisions=st.lists(DECISION_ROWS, min_size=1, max_size=6),
    events=st.lists(EVENT_ROWS, max_size=14, unique_by=lambda e: e["event_id"]),
    now=st.sampled_from([hours(48), hours(60), hours(400)]).map(lambda h: NOON + h),
    split=st.integers(0, 14),
)
def test_the_join_is_its_definition_also_when_the_log_comes_in_two_parts(
    decisions, events, now, split, tmp_path_factory
):
    whole, parts = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("parts")
    log(whole, [*decisions, decisions[0]], [*events, *events[:2]])
    log(parts, decisions[:1], events[split:])
    joined(parts, now=now - hours(10))
    log(parts, decisions[1:], events[:split], part="b")
    expected = defined(decisions, events, now)
    for folder in (whole, parts):
        rows = joined(folder, now=now)
        got = {row["decision_id"]: (row["played"], row["minutes"]) for row in rows}
        assert len(got) == len(rows)
        assert got == expected


def test_the_state_is_one_json_file(tmp_path):
    log(tmp_path, [decision()], [shown()])
    joined(tmp_path)
    assert set(json.loads((tmp_path / "out/_join.json").read_text())) == {
        "settings",
        "files",
        "days",
        "now",
    }


@pytest.mark.parametrize("minutes", [float("nan"), float("inf"), -5.0, 1e9])
def test_minutes_that_cannot_be_are_no_take(minutes, tmp_path):
    log(tmp_path, [decision()], [shown(), watched(minutes), event("play", AN_HOUR_ON)])
    [example] = joined(tmp_path)
    assert (example["played"], example["minutes"], example["reward"]) == (True, 0, 0)


def test_one_wrong_clock_moves_nobodys_window(tmp_path):
    late = NOON.replace(year=2200)
    decisions = [decision(), decision("far", late), decision("old", NOON.replace(year=1980))]
    rows = [shown(), event("play", AN_HOUR_ON, received=late), shown(late, "far")]
    log(tmp_path, decisions, rows)
    report = join(tmp_path, None, tmp_path / "out")
    assert report.waiting == 1
    assert report.set_aside == {
        "decisions of a time before 2000": 1,
        "decisions of a time after now": 1,
    }


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "no impression events"),
        ([shown(name=None)], "has a decision_id"),
        ([shown(name="other")], "names a decision of this log"),
        ([shown(NOON - hours(9))], "by 540 minutes"),
        ([shown(profile_id="bob")], "another profile or title"),
    ],
)
def test_a_join_of_nothing_says_why(rows, why, tmp_path):
    log(tmp_path, [decision()], rows)
    assert why in join(tmp_path, None, tmp_path / "out", now=MUCH_LATER).nothing_because
