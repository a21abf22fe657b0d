"""Profiles from a log: the latest facts of each."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.examples.profiles import profiles
from data.records import FACTS, TIMESTAMP


def write(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    ids, days, tenures = zip(*rows, strict=True)
    facts = [{"tenure_days": float(t), "watched_genres": [("noir", float(t))]} for t in tenures]
    times = pa.array([datetime(2026, 1, day, tzinfo=UTC) for day in days], TIMESTAMP)
    table = pa.table({"profile_id": list(ids), "time": times, "facts": pa.array(facts, FACTS)})
    pq.write_table(table, file)


def test_each_profile_has_its_latest_facts(tmp_path):
    write(tmp_path / "log" / "day=1" / "examples.parquet", [("a", 3, 30), ("b", 1, 10)])
    write(tmp_path / "log" / "day=2" / "examples.parquet", [("a", 2, 20), ("b", 4, 40)])
    told = profiles(tmp_path / "log", tmp_path / "out" / "profiles.parquet")
    found = pq.read_table(tmp_path / "out" / "profiles.parquet")
    assert told["profiles"] == 2
    assert found["profile_id"].to_pylist() == ["a", "b"]
    assert [f["tenure_days"] for f in found["facts"].to_pylist()] == [30.0, 40.0]
    assert found["facts"].combine_chunks().cast(FACTS)[0]["watched_genres"].as_py() == [
        ("noir", 30.0)
    ]


@pytest.mark.parametrize("rows", [None, pa.table({"profile_id": ["a"]})])
def test_a_folder_without_examples_is_refused_and_nothing_written(tmp_path, rows):
    (tmp_path / "log").mkdir()
    if rows is not None:
        pq.write_table(rows, tmp_path / "log" / "other.parquet")
    with pytest.raises(BadInput, match="log"):
        profiles(tmp_path / "log", tmp_path / "profiles.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["log"]
