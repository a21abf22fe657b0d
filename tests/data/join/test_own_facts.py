"""Facts of a user's own come through the join as they were logged."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.examples.profiles import profiles
from data.join.day_files import without_copies
from data.join.join import join
from tests.data.join.test_join import MUCH_LATER, decision, log, shown

OWN = [
    ("age", {"names": None, "numbers": [31.5]}),
    ("liked", {"names": ["red", "été"], "numbers": [2.0, 0.1]}),
    ("plan", {"names": ["solo"], "numbers": None}),
    ("tags", {"names": [], "numbers": None}),
]
CHOSEN = {"a": {"names": None, "numbers": [1.0]}}
TIED = [
    decision("f", profile_id="cid", facts={"own": own}, candidates=candidates)
    for own in ({"a": {"names": ["x"], "numbers": None}}, CHOSEN, {"b": {}})
    for candidates in (["x", None], ["x", "y"])
]
"""Copies that differ in what engines have no common order of."""


@pytest.mark.parametrize("order", [1, -1])
def test_own_facts_are_in_the_examples_and_in_the_profiles(tmp_path, order):
    said = {"facts": {"country": "BR", "own": OWN}}
    rows = [decision("d", **said), decision("e", profile_id="bea", facts={"country": "FR"})]
    seen = [shown(name="d"), shown(name="e", profile_id="bea"), shown(name="f", profile_id="cid")]
    folder = log(tmp_path / "log", [*rows, *TIED[::order]], seen)
    join(folder, None, tmp_path / "out", now=MUCH_LATER)
    rows = pq.read_table(tmp_path / "out").sort_by("decision_id")
    assert rows["candidates"].to_pylist()[-1] == ["x", "y"]
    found = rows["facts"].to_pylist()
    assert [row["country"] for row in found] == ["BR", "FR", None]
    assert [row["own"] for row in found] == [OWN, None, [*CHOSEN.items()]]
    profiles(tmp_path / "out", tmp_path / "profiles.parquet")
    known = pq.read_table(tmp_path / "profiles.parquet")
    assert known["profile_id"].to_pylist() == ["ada", "bea", "cid"]
    assert dict(zip(*known.to_pydict().values(), strict=True))["ada"]["own"] == OWN


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_copies_are_settled_wherever_batches_end(size):
    names = ["a", "b", "b", "b", "c", "d", "d"]
    rows = [
        {"decision_id": name, "facts": n % 3, "candidates": [str(n)]}
        for n, name in enumerate(names)
    ]
    rest = {"propensity": 0.5, "schema_version": 2}
    table = pa.Table.from_pylist([row | rest for row in rows])
    batches = table.to_batches(max_chunksize=size)
    found = pa.Table.from_batches(without_copies(batches)).to_pylist()
    assert [row["decision_id"] for row in found] == ["a", "b", "c", "d"]
    assert [row["candidates"] for row in found] == [["0"], ["1"], ["4"], ["5"]]


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
