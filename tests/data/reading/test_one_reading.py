"""What check passes, every reader reads, to the same rows; what one refuses, check names."""

import os
import time
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.path import check_path
from data.errors import BadInput
from data.examples.logged_days import days_of, decisions_and_events
from data.examples.profiles import profiles
from data.examples.stream import ExampleStream
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.schema_cast import parquet_files
from evaluate.policies.read_examples import read_examples
from serve.scoring.decide_requests import read_requests
from simulate.anomalies.forms import READ_ALIKE, REFUSED, cast, put
from tests.data.reading.tables import NOON, ROWS, write

LATER = NOON.replace(month=2)


@pytest.fixture
def zone(monkeypatch):
    """A host whose zone is not UTC, for what asks for it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def joined(log, out, engine="duckdb"):
    join(log, None, out, now=LATER, engine=EngineSettings(engine))
    files = parquet_files(out)
    return pa.concat_tables([pq.ParquetFile(f).read() for f in files]).sort_by("decision_id")


def told(problems):
    return "\n".join(map(str, problems))


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    folder = tmp_path_factory.mktemp("right")
    return joined(write(folder / "log", READ_ALIKE["as written"]), folder / "out")


@pytest.mark.parametrize("made", READ_ALIKE.values(), ids=READ_ALIKE)
def test_what_check_passes_is_joined_to_the_same_examples(made, right, zone, tmp_path):
    log = write(tmp_path / "log", made)
    assert not told(check_path(log))
    assert joined(log, tmp_path / "out").equals(right)
    assert right.num_rows == ROWS
    assert sum(right["reward"].to_pylist()) == ROWS / 3


@pytest.mark.parametrize("made", REFUSED.values(), ids=REFUSED)
def test_what_check_names_no_reader_takes(made, tmp_path):
    log = write(tmp_path / "log", made)
    assert check_path(log)
    with pytest.raises(BadInput, match=r"b\.parquet"):
        joined(log, tmp_path / "out")
    with pytest.raises(BadInput, match=r"b\.parquet"):
        days_of(log)


@pytest.mark.parametrize("made", READ_ALIKE.values(), ids=READ_ALIKE)
def test_requests_are_read_as_the_decisions_that_they_become(made, tmp_path):
    facts, candidates = read_requests(write(tmp_path / "log", made) / "decisions")
    wanted = read_requests(write(tmp_path / "right", READ_ALIKE["as written"]) / "decisions")
    assert len(facts) == ROWS
    assert (facts.field("tenure_days"), candidates) == (wanted[0].field("tenure_days"), wanted[1])


@pytest.mark.parametrize("name", ["no candidates column", "facts as text"])
def test_requests_that_check_would_name_are_refused(name, tmp_path):
    with pytest.raises(BadInput, match=r"\.parquet, column (candidates|facts)"):
        read_requests(write(tmp_path / "log", REFUSED[name]) / "decisions")


@pytest.mark.parametrize("made", READ_ALIKE.values(), ids=READ_ALIKE)
def test_a_logs_days_are_those_of_its_times_in_utc(made, zone, tmp_path):
    log = write(tmp_path / "log", made)
    assert days_of(log) == [date(2026, 1, 5), date(2026, 1, 6)]
    decisions, events = decisions_and_events(log, date(2026, 1, 5))
    assert decisions.num_rows == 6
    assert events.num_rows == 6 + 2 * 2


EXAMPLES_READ_ALIKE = {
    "as written": lambda t: t,
    "naive": lambda t: cast(t, time=pa.timestamp("us")),
    "nanoseconds": lambda t: cast(t, time=pa.timestamp("ns")),
    "played as a number": lambda t: cast(t, played=pa.int8()),
    "categories": lambda t: put(t, "action", t["action"].dictionary_encode()),
    "no optional columns": lambda t: t.drop(["bundle", "cell", "impressions", "schema_version"]),
}


@pytest.mark.parametrize("made", EXAMPLES_READ_ALIKE.values(), ids=EXAMPLES_READ_ALIKE)
def test_examples_are_the_same_to_training_evaluation_and_profiles(made, right, zone, tmp_path):
    folder = tmp_path / "examples"
    folder.mkdir()
    nothing = pa.table({name: pa.nulls(0) for name in right.column_names})
    pq.write_table(nothing, folder / "a.parquet")
    pq.write_table(made(right), folder / "b.parquet")
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "c.parquet").write_bytes(b"")
    assert not told(check_path(folder))
    blank = {"impressions", "schema_version"}
    wanted = right.drop(list(blank))
    streamed = pa.concat_tables([rows for _, rows in ExampleStream(folder).rows()])
    assert streamed.drop(list(blank)).equals(wanted)
    since = read_examples(folder, None, "2026-01-06")  # pyright: ignore[reportArgumentType]
    assert since.drop(list(blank)).equals(wanted.slice(6))
    profiles(folder, tmp_path / "profiles.parquet")
    latest = pq.ParquetFile(tmp_path / "profiles.parquet").read()
    by_member = {row["profile_id"]: row["facts"] for row in right.to_pylist()}
    assert dict(zip(*latest.to_pydict().values(), strict=True)) == by_member


def test_times_of_no_unit_are_refused_in_examples_too(right, tmp_path):
    file = tmp_path / "examples.parquet"
    pq.write_table(cast(right, time=pa.int64()), file)
    assert "does not say its unit" in told(check_path(file))
    for read in (ExampleStream(file).count, lambda: read_examples(file, None)):  # pyright: ignore[reportArgumentType]
        with pytest.raises(BadInput, match="does not say its unit"):
            read()


def test_a_file_that_is_cut_is_named_by_all(tmp_path):
    log = write(tmp_path / "log", READ_ALIKE["as written"])
    file = log / "decisions" / "b.parquet"
    os.truncate(file, file.stat().st_size // 2)
    assert "b.parquet" in told(check_path(log))
    with pytest.raises(BadInput, match=r"b\.parquet is not a whole Parquet file"):
        joined(log, tmp_path / "out")
