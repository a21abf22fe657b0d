"""Days are taken in once, in order, and something is left to judge by."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.days import DAY_US
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.records import EXAMPLES
from model.increments.days_to_read import counted, days_to_read, judged_from, late
from model.training.first_pass import split_by_time
from model.training.settings import Increment

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = DAY_US // 24
EACH = 6
FACTS = {"watched_genres": [], "watched_cast": [], "own": []}


def example(at: int, name: str) -> dict[str, object]:
    return {
        "decision_id": name,
        "time": at,
        "profile_id": "p",
        "policy": "uniform",
        "level": "personalised",
        "played": False,
        "minutes": 0.0,
        "title_id": 1,
        "candidates": ["a", "b"],
        "action": "a",
        "propensity": 0.5,
        "reward": 0.0,
        "reward_name": "take",
        "impressions": 1,
        "facts": FACTS,
    }


def write(folder, day: int, count: int = EACH) -> None:
    at = START + day * DAY_US
    rows = [example(at + (row * 24 // count) * HOUR, f"{day}-{row}") for row in range(count)]
    place = folder / f"day=2026-01-{day + 1:02}"
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLES), place / "part.parquet")


@pytest.fixture
def stream(tmp_path) -> ExampleStream:
    for day in range(6):
        write(tmp_path, day)
    return ExampleStream(tmp_path)


def days(stream, through, **asked):
    spans = days_to_read(stream, through, Increment(of="bundle", **asked))
    return [((span.since - START) / DAY_US, (span.until - START) / DAY_US) for span in spans]


def test_what_was_not_read_comes_day_by_day_up_to_the_last_which_judges(stream):
    assert days(stream, START + 2 * DAY_US) == [(2, 3), (3, 4), (4, 5)]
    assert days(stream, START + 2 * DAY_US, held_out_days=2) == [(2, 3), (3, 4)]
    assert days(stream, START + 2 * DAY_US, last_day="2026-01-03") == [(2, 3)]


def test_a_training_that_stopped_within_a_day_is_followed_by_its_rest(stream):
    assert days(stream, START + 3 * DAY_US + 13 * HOUR) == [(3 + 13 / 24, 4), (4, 5)]


@pytest.mark.parametrize(
    ("through", "asked", "said"),
    [
        (5.0, {}, "holds no day to take in: the bundle has read everything before 2026-01-06"),
        (9.0, {}, "examples end at 2026-01-06 20:00 UTC"),
        (5.5, {}, "everything before 2026-01-06 12:00 UTC"),
        (2.0, {"last_day": "2026-01-02"}, "holds no day to take in"),
        (2.0, {"last_day": "2026-01-06"}, "nothing to judge by; name an earlier day"),
        (2.0, {"last_day": "yesterday"}, "--increment.last-day yesterday is no day"),
        (2.0, {"held_out_days": 0}, "--increment.held-out-days 0 leaves nothing to judge by"),
    ],
)
def test_days_read_already_or_none_to_judge_by_are_refused(stream, through, asked, said):
    with pytest.raises(BadInput, match=said):
        days(stream, START + int(through * DAY_US), **asked)


def test_a_day_without_examples_is_refused_unless_gaps_are_allowed(stream):
    (stream.folder / "day=2026-01-04" / "part.parquet").unlink()
    with pytest.raises(BadInput, match=r"no examples of 2026-01-04.*--increment\.gap true"):
        days(stream, START + 2 * DAY_US)
    assert days(stream, START + 2 * DAY_US, gap=True) == [(2, 3), (4, 5)]


def test_examples_that_come_late_are_counted(stream):
    through = START + 3 * DAY_US
    counts = counted(stream, through)
    assert counts == dict.fromkeys(("2026-01-01", "2026-01-02", "2026-01-03"), EACH)
    assert late(stream, through, counts) == 0
    write(stream.folder, 2, EACH + 3)
    (stream.folder / "day=2026-01-01" / "part.parquet").unlink()  # kept no longer
    assert late(stream, through, counts) == 3


def test_a_full_training_among_nights_is_judged_by_the_days_that_a_night_would_be(stream):
    asked = Increment(of="bundle", held_out_days=2)
    edge = judged_from(stream, asked)
    assert edge == START + 4 * DAY_US == days_to_read(stream, START, asked)[-1].until
    assert split_by_time(stream, edge) == edge
    with pytest.raises(BadInput, match="none on both sides of 2026-01-01"):
        split_by_time(stream, START)
