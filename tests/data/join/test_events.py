"""Rewards over events that a user declares: counted, summed and timed, each within its window."""

import shutil

import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.records import EXAMPLES, WITH_METRICS
from tests.data.join.test_join import (
    MUCH_LATER,
    NOON,
    decision,
    event,
    examples,
    hours,
    log,
    shown,
    watched,
)

SCHEMA = """
events:
  add_to_list: {}
  trailer: {value: seconds}
  cancel:
rewards:
  keen:
    sql: least(add_to_list_count + trailer_sum / 60, 4)
    maximise: true
    range: [0, 4]
  soon:
    sql: coalesce(add_to_list_first_s, -1)
  late:
    sql: coalesce(add_to_list_last_s, -1)
    within_days: 5
  left: {sql: "least(cancel_count, 1)", within_days: 5, guard: +5%}
  take: {guard: -2%}
"""


def declared(folder, text=SCHEMA):
    (folder / "schema.yaml").write_text(text)
    return folder


def told(folder, now=MUCH_LATER, **how):
    report = join(folder, None, folder / "out", now=now, **how)
    return report, examples(folder / "out")


EVENTS = [
    shown(),
    event("add_to_list", NOON + hours(1)),
    event("add_to_list", NOON + hours(1)),  # the same, written again
    event("add_to_list", NOON + hours(3)),
    event("add_to_list", NOON + hours(60)),  # beyond two days, within five
    event("trailer", NOON + hours(1), value=45.25),
    event("trailer", NOON + hours(2), value=14.75, decision_id=None),
    event("cancel", NOON + hours(100)),
    event("cancel", NOON + hours(130)),
    watched(25.0),
    event("shoe_size", NOON + hours(1), value=44.0),
]
WORTH = {"keen": 3.0, "soon": 3600.0, "late": 216_000.0, "left": 1.0, "take": 1.0}


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_events_are_counted_summed_and_timed_within_each_window(tmp_path, engine):
    if engine == "spark" and shutil.which("java") is None:
        pytest.skip("java is not installed")
    log(declared(tmp_path), [decision(), decision("e")], [*EVENTS, shown(name="e")])
    report, rows = told(tmp_path, engine=EngineSettings(engine))
    one, other = sorted(rows, key=lambda row: row["decision_id"])
    assert dict(one["metrics"]) == WORTH
    assert (one["reward"], one["reward_name"]) == (0.75, "keen")
    assert (one["minutes"], one["played"]) == (25, True)
    assert other["reward"] == 0
    assert dict(other["metrics"]) == {
        "keen": 0.0,
        "soon": -1.0,
        "late": -1.0,
        "left": 0.0,
        "take": 0.0,
    }
    assert report.set_aside == {"events of the undeclared kind 'shoe_size'": 1}


def test_an_example_waits_for_the_longest_window(tmp_path):
    log(declared(tmp_path), [decision()], EVENTS)
    report, rows = told(tmp_path, now=NOON + hours(119))
    assert (report.waiting, rows) == (1, [])
    report, rows = told(tmp_path, now=NOON + hours(121))
    assert (report.waiting, len(rows)) == (0, 1)


def test_the_shipped_reward_is_what_it_was_without_a_schema(tmp_path):
    log(tmp_path, [decision()], EVENTS)
    _, [row] = told(tmp_path)
    [file] = (tmp_path / "out").rglob("*.parquet")
    assert pq.read_schema(file).equals(EXAMPLES)
    assert (row["reward_name"], row["reward"]) == ("take", 1)
    before = file.read_bytes()
    declared(tmp_path, "events: {add_to_list: {}}")
    told(tmp_path, rebuild=True)
    assert file.read_bytes() == before
    declared(tmp_path)
    told(tmp_path, reward="take")
    assert pq.read_schema(file).equals(WITH_METRICS)


def test_what_is_declared_otherwise_is_joined_again(tmp_path):
    log(declared(tmp_path), [decision()], EVENTS)
    assert told(tmp_path)[1][0]["reward"] == 0.75
    assert told(tmp_path)[0].joined_days == []
    for old, new, reward, late in (
        ("range: [0, 4]", "range: [0, 8]", 3 / 8, 216_000.0),
        ("within_days: 5\n  left", "within_days: 1\n  left", 3 / 8, 10_800.0),
        ("    maximise: true\n    range: [0, 8]", "    maximise: true\n    half: 3", 0.5, 10_800.0),
    ):
        text = (tmp_path / "schema.yaml").read_text()
        assert old in text
        declared(tmp_path, text.replace(old, new))
        [row] = told(tmp_path)[1]
        assert (row["reward"], dict(row["metrics"])["late"]) == (reward, late)


def test_a_reward_without_a_bound_is_learnt_by_its_half(tmp_path):
    text = (
        "events: {trailer: {value: seconds}}\n"
        "rewards: {seen: {sql: trailer_sum, half: 20, maximise: true}}"
    )
    log(declared(tmp_path, text), [decision()], EVENTS)
    _, [row] = told(tmp_path)
    assert (row["reward"], dict(row["metrics"])) == (60 / 80, {"seen": 60.0})


NO_NUMBER = (
    r"^the reward 'odd' \(.*\) is no number where nothing followed the impression; wrap it in "
    r"coalesce\(…, 0\), divide by nullif\(…, 0\), or mend the expression$"
)
WIDEN = r"for 1 examples; widen it, or bound it by least\(greatest\(…, LEAST\), MOST\)$"
OUTSIDE = r"lies outside the range \[0, 0\.5\] in schema.yaml " + WIDEN
NEGATIVE = r"lies outside what a half is for, 0 or more, in schema.yaml " + WIDEN
REFUSED = {
    "sql: shoe_count": "shoe is no kind of event that can follow an impression; there are cancel",
    "sql: cancel_sum": "cancel have no value to sum; declare its value in schema.yaml, such as sec",
    "sql: play_sum": "events of kind play have no value to sum$",
    "sql: cancels": "cannot be computed",
    "sql: sum(cancel_count)": "sum is no function",
    "sql: (SELECT 1)": "it has a subquery",
    "sql: 1) FROM read_csv('/etc/passwd') WHERE (true": "it is more than one expression",
    "sql: 1) UNION (SELECT 1": "it is more than one expression",
    "sql: '(SELECT max(column0) FROM read_csv(''/etc/passwd''))'": "it has a subquery",
    "sql: getvariable('x')": "is no function",
    "sql: 1 / cancel_count": NO_NUMBER,
    "sql: cancel_first_s": NO_NUMBER,
    "sql: \"'nan'::DOUBLE\"": NO_NUMBER,
    "sql: ": r"^rewards\.odd in schema.yaml has no sql; say what it is, or name one of",
    "{}": "has no sql",
    "sql: cancel_count, range: [0, 0.5], maximise: true, within_days: 5": OUTSIDE,
    "sql: cancel_count - 2, half: 3, maximise: true, within_days: 5": NEGATIVE,
    "sql: cancel_count, range: [1, 0]": "write the least and the most",
    "sql: cancel_count, half: -1": "half is -1",
    "sql: cancel_count, guard: 2": "guard is 2",
    "sql: cancel_count, within_days: 0": "within_days is 0",
    "sql: cancel_count, window: 7": "window: it is no option",
}


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_a_reward_is_refused_and_nothing_is_written(tmp_path, options):
    why = REFUSED[options]
    options = options if options.startswith("{") else f"{{{options}}}"
    text = f"events: {{cancel: {{}}}}\nrewards:\n  odd: {options}\n"
    log(declared(tmp_path, text), [decision()], EVENTS)
    with pytest.raises(BadInput, match=why) as said:
        told(tmp_path)
    assert "odd" in str(said.value)
    assert list((tmp_path / "out").rglob("*.parquet")) == []
