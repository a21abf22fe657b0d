"""Examples in batches: all of them once, shuffled, in flat memory, and only the days asked for."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.days import midnight_us
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.records import EXAMPLES

ROOT = Path(__file__).parents[3]
DAYS = (date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 4))


def example(number, day, second=0):
    start = midnight_us(day)
    return {
        "decision_id": f"{number:032x}",
        "time": start + second * 1_000_000,
        "profile_id": "m",
        "title_id": 1,
        "facts": {"country": "BR", "watched_genres": [("drama", 2.0)]},
        "candidates": ["a", "b"],
        "action": "a",
        "propensity": 0.5,
        "policy": "uniform",
        "level": "personalised",
        "played": False,
        "minutes": 0.0,
        "reward": float(number % 2),
        "reward_name": "take",
    }


def write(folder, sizes=(40, 25, 30), group=10):
    number = 0
    for day, size in zip(DAYS, sizes, strict=True):
        rows = [example(number + i, day, i) for i in range(size)]
        number += size
        place = folder / f"day={day}"
        place.mkdir(parents=True)
        table = pa.Table.from_pylist(rows, EXAMPLES)
        pq.write_table(table, place / "examples.parquet", row_group_size=group)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write(folder)
    return folder


def flat(batches):
    return [number for batch in batches for number in batch]


def numbers(stream, epoch=0):
    found = [b.examples["decision_id"].to_pylist() for b in stream.batches(epoch)]
    return [[int(name, 16) for name in batch] for batch in found]


@settings(deadline=None)
@given(size=st.integers(1, 60), buffer=st.integers(1, 120), seed=st.none() | st.integers(0, 99))
def test_every_example_comes_once(examples, size, buffer, seed):
    batches = numbers(ExampleStream(examples, size, buffer, seed))
    assert sorted(flat(batches)) == list(range(95))
    assert all(len(batch) == size for batch in batches[:-1])


def test_without_a_seed_they_come_as_they_lie(examples):
    assert flat(numbers(ExampleStream(examples, 7, 20))) == list(range(95))


def test_the_order_follows_from_seed_and_epoch(examples):
    stream = ExampleStream(examples, 10, 30, seed=5)
    assert numbers(stream) == numbers(stream)
    assert numbers(stream, 1) != numbers(stream)
    assert numbers(ExampleStream(examples, 10, 30, seed=6)) != numbers(stream)
    order = np.array(flat(numbers(stream)))
    assert abs(np.corrcoef(order, np.arange(95))[0, 1]) < 0.7


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"window_days": 1}, range(65, 95)),
        ({"window_days": 3}, range(40, 95)),
        ({"first_day": DAYS[1]}, range(40, 95)),
        ({"last_day": DAYS[1]}, range(65)),
        ({"last_day": date(2026, 1, 3), "window_days": 2}, range(40, 65)),
        ({"first_day": DAYS[0], "last_day": DAYS[0]}, range(40)),
    ],
)
def test_only_the_days_asked_for(examples, options, expected):
    stream = ExampleStream(examples, 16, 32, seed=1, **options)
    assert sorted(flat(numbers(stream))) == list(expected)


def test_only_the_moments_asked_for(examples):
    start = midnight_us(DAYS[0])
    stream = ExampleStream(examples, 16, 32, since=start + 5_000_000, until=start + 23_000_000)
    assert flat(numbers(stream)) == list(range(5, 23))
    assert stream.count() == 18
    assert stream.span() == (start + 5_000_000, start + 22_000_000)
    assert [group.group for group in stream.row_groups()] == [0, 1, 2]


def test_a_file_without_statistics_is_read_by_its_times(examples, tmp_path):
    table = pa.concat_tables(rows for _, rows in ExampleStream(examples).rows())
    file = tmp_path / "all.parquet"
    pq.write_table(table, file, row_group_size=10, write_statistics=False)
    stream = ExampleStream(file, 16, 32, window_days=1)
    assert flat(numbers(stream)) == list(range(65, 95))


def test_neighbours_in_a_buffer_are_of_several_row_groups(examples):
    order = [n for batch in numbers(ExampleStream(examples, 10, 20, seed=4)) for n in batch]
    assert len({n // 10 for n in order[:20]}) > 2


def test_days_that_share_a_file_are_told_apart(tmp_path):
    rows = [example(i, DAYS[i % 2], i) for i in range(50)]
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLES), tmp_path / "all.parquet")
    stream = ExampleStream(tmp_path, 8, first_day=DAYS[1])
    assert sorted(flat(numbers(stream))) == list(range(1, 50, 2))


def test_decay_counts_in_days_back_from_the_last(examples):
    stream = ExampleStream(examples, 16, 32, seed=1, decay=0.5)
    weights = {}
    for batch in stream.batches():
        ids = batch.examples["decision_id"].to_pylist()
        weights |= zip((int(name, 16) for name in ids), batch.weights.tolist(), strict=True)
    assert weights[0] == 0.125
    assert weights[50] == 0.25
    assert weights[94] == 1.0


def test_processes_share_each_batch_between_them(examples):
    whole = numbers(ExampleStream(examples, 10, 30, seed=5))
    parts = [numbers(ExampleStream(examples, 10, 30, seed=5, rank=r, ranks=3)) for r in range(3)]
    assert whole == [sorted(flat(p), key=w.index) for w, *p in zip(whole, *parts, strict=True)]


def test_columns_that_nobody_asked_for_are_not_read(examples):
    batch = next(ExampleStream(examples, columns=("decision_id", "reward")).batches())
    assert batch.examples.column_names == ["decision_id", "reward", "time"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": 0}, "batches of 0"),
        ({"window_days": 0}, "a window of 0 days"),
        ({"decay": 0.0}, "decay is 0.0"),
        ({"decay": 1.5}, "decay is 1.5"),
        ({"rank": 2, "ranks": 2}, "rank 2 of 2"),
    ],
)
def test_options_that_make_no_sense_are_refused(examples, options, complaint):
    with pytest.raises(BadInput, match=complaint):
        ExampleStream(examples, **options)


def test_a_folder_without_such_examples_is_refused(examples, tmp_path):
    with pytest.raises(BadInput, match="holds no examples; `python -m data join`"):
        next(ExampleStream(tmp_path).batches())
    with pytest.raises(BadInput, match="no examples of the days from 2027"):
        next(ExampleStream(examples, first_day=date(2027, 1, 1)).batches())


def test_memory_does_not_grow_with_the_examples(tmp_path):
    """Peak memory of another process, over 20 thousand and over 200 thousand examples."""
    table = pa.Table.from_pylist([example(i, DAYS[0], i) for i in range(20_000)], EXAMPLES)
    for name, copies in (("few", 1), ("many", 10)):
        (tmp_path / name).mkdir()
        for copy in range(copies):
            pq.write_table(table, tmp_path / name / f"{copy}.parquet", row_group_size=5_000)
    code = (
        "import resource, sys; from data.examples.stream import ExampleStream; "
        "n = sum(b.examples.num_rows for b in ExampleStream(sys.argv[1], 512, 4096, 1).batches());"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = {}
    for name in ("few", "many"):
        ran = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        count, peaks[name] = map(int, ran.stdout.split())
        assert count == {"few": 20_000, "many": 200_000}[name]
    assert peaks["many"] < 1.3 * peaks["few"]
