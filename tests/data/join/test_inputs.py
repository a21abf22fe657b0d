"""What a join reads beside decisions and events, what it names of them, and what it sets aside."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.join.attribution import Attribution
from data.join.events.valued import valued
from data.join.events.worth import Worth
from data.join.join import join
from data.join.rewards import Reward, reward_named
from data.schema import read_schema
from tests.data.join.test_events import EVENTS as TOLD
from tests.data.join.test_events import WORTH, declared
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

HALF_OF_SHORT = [shown(), watched(12.0)]


def titles(folder, runtime, title=7):
    folder.mkdir(exist_ok=True)
    table = pa.table({"title_id": [title], "runtime_minutes": pa.array([runtime], pa.float32())})
    pq.write_table(table, folder / "titles.parquet")
    return folder


def reward_of(folder, catalogue):
    join(folder, catalogue, folder / "out", now=MUCH_LATER, rebuild=True)
    return examples(folder / "out")[0]["reward"]


def test_the_catalogue_knows_runtimes_better_than_the_log_and_may_lack_some(tmp_path):
    log(tmp_path, [decision()], HALF_OF_SHORT)
    short = titles(tmp_path / "short", 24.0)
    assert reward_of(tmp_path, None) == 0  # a hundred minutes, the log says
    assert reward_of(tmp_path, short) == 1
    assert reward_of(tmp_path, short / "titles.parquet") == 1
    titles(tmp_path, 24.0)
    assert reward_of(tmp_path, titles(tmp_path / "other", 90.0, title=9)) == 1
    assert reward_of(tmp_path, titles(tmp_path / "long", 90.0)) == 0


def test_ids_of_two_kinds_are_refused_by_name(tmp_path):
    log(tmp_path, [decision()], HALF_OF_SHORT)
    pq.write_table(
        pa.table({"title_id": ["seven"], "runtime_minutes": pa.array([24.0], pa.float32())}),
        tmp_path / "titles.parquet",
    )
    with pytest.raises(BadInput, match=r"titles\.parquet"):
        join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("kind", ["decisions", "events"])
def test_records_of_a_later_version_are_named_with_their_file_and_the_remedy(tmp_path, kind, kept):
    log(tmp_path, [decision()], [shown()])
    file = tmp_path / kind / "a.parquet"
    rows = pq.ParquetFile(file).read().to_pylist()
    schema = pq.read_schema(file)
    table = pa.Table.from_pylist([*rows, rows[0] | {"schema_version": 99}], schema)
    pq.write_table(table, file, write_statistics=kept)
    said = rf"{kind}/a\.parquet holds records of schema version 99; .*: upgrade it$"
    with pytest.raises(BadInput, match=said):
        join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_files_whose_writer_kept_no_statistics_are_read(tmp_path):
    log(tmp_path, [decision()], [shown(), watched(30.0)])
    for file in (tmp_path / "decisions/a.parquet", tmp_path / "events/a.parquet"):
        pq.write_table(pq.ParquetFile(file).read(), file, write_statistics=False)
    join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    assert examples(tmp_path / "out")[0]["reward"] == 1


def test_twenty_kinds_that_nobody_declared_are_named_and_the_rest_are_counted(tmp_path):
    strangers = [
        event(f"kind_{n:02}", NOON, event_id=f"{n}-{again}")
        for n in range(23)
        for again in range(n % 2 + 1)
    ]
    log(tmp_path, [decision()], [shown(), *strangers, *strangers[:3]])
    report = join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    named = {f"events of the undeclared kind 'kind_{n:02}'": n % 2 + 1 for n in range(20)}
    assert report.set_aside == named | {"events of further undeclared kinds": 1 + 2 + 1}
    assert report.examples == 1
    assert join(tmp_path, None, tmp_path / "out", now=MUCH_LATER).set_aside == {}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([shown(NOON + hours(24 * 40))], "1 of 1 impressions come longer after their decision"),
        ([shown(artwork_id="y")], "no impression can be credited; set_aside counts them by reason"),
        (
            [shown(NOON - hours(1)), shown(NOON - hours(3)), shown(artwork_id="y")],
            "2 of 3 impressions come before their decision, by",
        ),
        (
            [shown(NOON - hours(1)), shown(artwork_id="y")],  # no more than half of them
            "no impression can be credited",
        ),
        (
            [shown(NOON + hours(24 * 40)), shown(artwork_id="y")],
            "no impression can be credited",
        ),
        (
            [shown(profile_id="bo"), shown(title_id=8), shown(artwork_id="y")],
            "2 of 3 impressions are of another profile or title than was decided",
        ),
        ([shown(profile_id="bo"), shown(artwork_id="y")], "no impression can be credited"),
    ],
)
def test_what_is_the_matter_with_most_impressions_is_why_there_is_nothing(rows, why, tmp_path):
    for number, row in enumerate(rows):
        row["event_id"] = str(number)
    log(tmp_path, [decision()], rows)
    report = join(tmp_path, None, tmp_path / "out", now=NOON + hours(24 * 60))
    assert report.nothing_because.startswith(why)


@pytest.mark.parametrize(
    "spans",
    [
        {"window_hours": 0.5, "skew_minutes": 0.5, "horizon_days": 0.5},
        {"window_hours": 1, "skew_minutes": 1, "horizon_days": 1},
        {"window_hours": 87_839},
    ],
)
def test_spans_may_be_short_or_long(spans):
    made = Attribution(**spans).spans()
    assert made.window_us == round(spans["window_hours"] * 3_600_000_000)
    assert made.skew_us == round(spans.get("skew_minutes", 5) * 60_000_000)
    assert made.horizon_us == round(spans.get("horizon_days", 30) * 86_400_000_000)


def test_a_span_that_is_none_is_refused_with_its_remedy():
    for wrong in (-1, 0, float("nan"), 3660 * 24):
        with pytest.raises(BadInput, match=rf"^skew_minutes is {wrong}; give a positive span"):
            Attribution(skew_minutes=wrong)


WINDOWS = """
events:
  trailer: {value: seconds}
rewards:
  take: {within_days: 4}
  liked: {sql: "CAST(thumb AS DOUBLE)", within_days: 4}
  long: {sql: minutes, within_days: 4}
  brief: {sql: minutes, within_days: 0.5}
  played_soon: {sql: "if(played, 1, 0)", within_days: 0.5}
  rested: {sql: "trailer_sum / 10 - 1", range: [-1, 3], maximise: true}
"""


def test_each_reward_sees_what_lies_within_its_own_window(tmp_path):
    rows = [
        shown(),
        watched(5.0, NOON + hours(13)),
        watched(15.0, NOON + hours(40)),
        watched(30.0, NOON + hours(60)),
        event("thumb", NOON + hours(60), thumb=1),
        event("trailer", NOON + hours(1), value=20.0),
    ]
    log(declared(tmp_path, WINDOWS), [decision()], rows)
    report = join(tmp_path, None, tmp_path / "out", now=NOON + hours(95))
    assert (report.waiting, report.examples) == (1, 0)
    join(tmp_path, None, tmp_path / "out", now=NOON + hours(96))
    [row] = examples(tmp_path / "out")
    assert (row["played"], row["minutes"]) == (True, 15)
    assert (row["reward_name"], row["reward"]) == ("rested", 0.5)
    assert dict(row["metrics"]) == {
        "rested": 1.0,
        "take": 1.0,
        "liked": 1.0,
        "long": 30.0,
        "brief": 0.0,
        "played_soon": 0.0,
    }


@pytest.mark.parametrize("order", [1, -1])
def test_of_copies_of_an_event_the_one_that_knows_more_counts_once(order, tmp_path):
    said = [
        *(watched(minutes, event_id="w") for minutes in (30.0, None)),
        *(event("thumb", NOON + hours(2), event_id="t", thumb=thumb) for thumb in (1, None)),
        *(event("trailer", NOON + hours(3), event_id="v", value=value) for value in (20.0, None)),
    ]
    log(declared(tmp_path, WINDOWS), [decision()], [shown(), *said[::order]])
    join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    [row] = examples(tmp_path / "out")
    metrics = dict(row["metrics"])
    assert (metrics["long"], metrics["liked"], metrics["rested"]) == (30, 1, 1)


def test_a_number_that_no_example_can_have_is_refused_by_its_own_name(tmp_path):
    log(tmp_path, [decision(), decision("e", title_id=8)], [shown(), watched(25.0)])
    log(tmp_path, [], [shown(name="e", title_id=8)], part="b")
    words = r"is null or not finite for 1 examples; wrap it in coalesce\(…, 0\) or mend the expr"
    for sql in ("CASE WHEN minutes > 10 THEN NULL ELSE 1 END", "ln(minutes)"):
        with pytest.raises(BadInput, match=rf"^the reward 'r' \({re.escape(sql)}\) {words}"):
            join(tmp_path, None, tmp_path / "out", now=MUCH_LATER, reward=f"r={sql}")
    text = "rewards: {sure: {sql: '1', maximise: true}, odd: {sql: 25 / (25 - minutes)}}"
    declared(tmp_path, text)
    with pytest.raises(BadInput, match=rf"^the reward 'odd' \(25 / \(25 - minutes\)\) {words}"):
        join(tmp_path, None, tmp_path / "out", now=MUCH_LATER)
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_name_of_ones_own_is_taken_once():
    with pytest.raises(BadInput, match=r"^the reward 'keen' is already defined; give your"):
        reward_named(" keen =minutes", ["keen"])
    with pytest.raises(BadInput, match=r"^there is no reward 'other'; choose one of take, play,"):
        reward_named("other", ["keen"])
    assert reward_named(" mine = minutes = 5 ") == Reward("mine", "minutes = 5")


def test_rewards_of_rows_that_another_engine_joined_are_those_of_the_join(tmp_path):
    """As Spark's tasks compute them: from what the rows hold, batch by batch."""
    worth = Worth.of(None, read_schema(declared(tmp_path)).outcomes, 48 * 3_600_000_000)
    log(tmp_path, [decision()], TOLD)
    names = [column.name for column in worth.columns]
    # The columns in the order of their mention: adds, seconds, first, last, cancellations.
    told = dict(zip(names, [2.0, 60.0, 3600.0, 216_000.0, 1.0], strict=True))
    row = {"decision_id": "d", "played": True, "minutes": 25.0, "thumb": 0}
    rows = pa.RecordBatch.from_pylist([row | {"runtime_minutes": 100.0} | told] * 2)
    made = list(valued([rows, rows.slice(1)], worth))
    assert [batch.num_rows for batch in made] == [2, 1]

    sql = "CAST(if(minutes > 50, 'many', '1') AS DOUBLE)"
    odd = Worth.of(f"r={sql}", read_schema(tmp_path).outcomes, 48 * 3_600_000_000)
    long = pa.RecordBatch.from_pylist([{**row, **told, "minutes": 60.0, "runtime_minutes": 90.0}])
    with pytest.raises(BadInput, match=r"cannot be computed for every example: Conversion Error"):
        list(valued([long], odd))
    for batch in made:
        assert batch.schema.names == [
            *("decision_id", "played", "minutes", "reward"),
            *(f"metric_{n}" for n in range(5)),
        ]
        first = batch.to_pylist()[0]
        assert first["reward"] == WORTH["keen"] / 4
        metrics = dict(zip(worth.metric_names, list(first.values())[4:], strict=True))
        assert metrics == WORTH
