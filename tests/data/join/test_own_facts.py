"""Facts of a user's own come through the join as they were logged, on either engine.

Costs some 2 s on DuckDB, and 20 s on Spark where it is installed.
"""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.examples.profiles import profiles
from data.join.join import join
from data.join.open_engine import EngineSettings
from tests.data.join.test_join import MUCH_LATER, decision, log, shown

OWN = [
    ("age", {"names": None, "numbers": [31.5]}),
    ("liked", {"names": ["red", "été"], "numbers": [2.0, 0.1]}),
    ("plan", {"names": ["solo"], "numbers": None}),
    ("tags", {"names": [], "numbers": None}),
]


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_own_facts_are_in_the_examples_and_in_the_profiles(tmp_path, engine):
    if engine == "spark" and shutil.which("java") is None:
        pytest.skip("java is not installed")
    said = {"facts": {"country": "BR", "own": OWN}}
    rows = [decision("d", **said), decision("e", profile_id="bea", facts={"country": "FR"})]
    folder = log(tmp_path / "log", rows, [shown(name="d"), shown(name="e", profile_id="bea")])
    join(folder, None, tmp_path / "out", now=MUCH_LATER, engine=EngineSettings(engine))
    found = pq.read_table(tmp_path / "out").sort_by("decision_id")["facts"].to_pylist()
    assert [row["country"] for row in found] == ["BR", "FR"]
    assert [row["own"] for row in found] == [OWN, None]
    profiles(tmp_path / "out", tmp_path / "profiles.parquet")
    known = pq.read_table(tmp_path / "profiles.parquet")
    assert dict(zip(*known.to_pydict().values(), strict=True))["ada"]["own"] == OWN


def test_a_log_with_fields_of_its_own_is_joined_with_them(tmp_path):
    folder = log(tmp_path / "log", [decision("d")], [shown(name="d")])
    file = folder / "decisions" / "a.parquet"
    table = pq.read_table(file)
    facts = pa.array([{"country": "BR", "age": 31, "tags": ["a"]}])
    at = table.schema.get_field_index("facts")
    pq.write_table(table.set_column(at, "facts", facts), file)
    join(folder, None, tmp_path / "out", now=MUCH_LATER)
    [row] = pq.read_table(tmp_path / "out")["facts"].to_pylist()
    assert dict(row["own"]) == {
        "age": {"names": None, "numbers": [31.0]},
        "tags": {"names": ["a"], "numbers": None},
    }
