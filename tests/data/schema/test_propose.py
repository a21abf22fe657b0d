"""A schema proposed from files is what a user would write, says why, and harms no file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.schema import Fact, read_schema
from data.schema.command import schema

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    """Decisions of 60 members, five each, and the artworks that they were shown."""
    rng = np.random.default_rng(1)
    count = 300
    own = {
        "age": pa.array(rng.normal(40, 9, count)),
        "spent": pa.array(rng.lognormal(2, 2, count)),
        "seats": pa.array([1 + n // 5 % 4 for n in range(count)]),
        "plan": pa.array([["solo", "family"][n // 5 % 2] for n in range(count)]),
        "weather": pa.array([f"w{n % 7}" for n in range(count)]),
        "hobbies": pa.array([["sea"], ["noir", "sea"], []] * (count // 3)),
        "liked": pa.array([[("red", 2)]] * count, pa.map_(pa.string(), pa.int32())),
        "taste": pa.array(rng.normal(size=(count, 3)).tolist()),
        "session": pa.array([f"s{n}" for n in range(count)]),
        "version": pa.array([7] * count),
        "shoe size": pa.array([43] * count),
        "odd": pa.array([{"a": [1]}] * count),
        "ragged": pa.array([[1.0] * (n % 9) for n in range(count)]),
        "country": pa.array(["NO"] * count),
    }
    facts = pa.StructArray.from_arrays(list(own.values()), list(own))
    (tmp_path / "log" / "decisions").mkdir(parents=True)
    table = pa.table({"profile_id": [f"p{n // 5}" for n in range(count)], "facts": facts})
    pq.write_table(table, tmp_path / "log" / "decisions" / "a.parquet")
    (tmp_path / "catalogue").mkdir()
    artworks = {"artwork_id": ["a", "b"], "tags": [["red"], ["blue"]], "width": [100, 2000]}
    pq.write_table(pa.table(artworks), tmp_path / "catalogue" / "artworks.parquet")
    return tmp_path


def test_each_field_is_taken_for_what_it_is(folder):
    report = schema(folder / "catalogue", folder / "log")
    found = read_schema(folder / "catalogue")
    assert set(found.facts) == {
        Fact("age", "number", known_at="request"),
        Fact("spent", "number", scale="log", known_at="request"),
        Fact("seats", "number", scale="steps"),
        Fact("plan", "category"),
        Fact("weather", "category", known_at="request"),
        Fact("hobbies", "set"),
        Fact("liked", "counts", match="artworks.tags"),
        Fact("taste", "vector"),
    }
    assert set(found.artworks) == {Fact("tags", "set"), Fact("width", "number")}
    left = {"facts.session", "facts.version", "facts.shoe size", "facts.odd", "facts.ragged"}
    assert report.left_out.keys() == left
    assert report.fingerprint == found.fingerprint
    text = (folder / "catalogue" / "schema.yaml").read_text()
    assert "weather: {kind: category, known_at: request}  # 7 different texts" in text
    assert "left out: 'session', 300 different texts in 300 rows: an id, or prose" in text


def test_a_schema_that_is_there_stays_unless_it_is_to_be_replaced(folder):
    file = folder / "catalogue" / "schema.yaml"
    file.write_text("facts: {age: {kind: number}}")
    with pytest.raises(BadInput, match="is there already; --force replaces it"):
        schema(folder / "catalogue", folder / "log")
    assert file.read_text() == "facts: {age: {kind: number}}"
    schema(folder / "catalogue", folder / "log", force=True)
    assert len(read_schema(folder / "catalogue").facts) == 8
    assert [f.name for f in file.parent.iterdir() if f.name.startswith(".")] == []


def test_what_cannot_be_looked_at_is_said_and_nothing_is_written(folder):
    with pytest.raises(BadInput, match="no catalogue folder"):
        schema(folder / "nowhere")
    with pytest.raises(BadInput, match="is not there; give a folder of decisions"):
        schema(folder / "catalogue", folder / "nothing")
    (folder / "log" / "decisions" / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BadInput, match=r"b\.parquet is not a whole Parquet file"):
        schema(folder / "catalogue", folder / "log")
    (folder / "catalogue" / "artworks.parquet").unlink()
    with pytest.raises(BadInput, match="no field that Marquee does not know"):
        schema(folder / "catalogue")
    assert not list(folder.rglob("schema.yaml"))


def test_a_wrong_schema_ends_the_command_with_2_and_one_line(folder):
    (folder / "catalogue" / "schema.yaml").write_text("facts: {age: {kind: integer}}")
    command = [sys.executable, "-m", "data", "check", str(folder / "catalogue")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "schema.yaml, line 1, facts.age, kind is 'integer'; choose one of" in ended.stderr
