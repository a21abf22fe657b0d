"""`--where`: rows by SQL, with facts of a user's own by their names."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.own_facts import fold
from data.reading.sql_rows import rows_where
from data.records import FACTS
from evaluate.experiments.member_days import MemberDays

OWN = {
    "age": pa.array([20, 40, None]),
    "plan": pa.array(["free", "it's", None]),
    "likes": pa.array([["sea", "noir"], ["sea"], None]),
    "seen": pa.array(
        [[("sea", 2.0), ("noir", 1.0)], [("noir", 5.0)], None], pa.map_(pa.string(), pa.float64())
    ),
    "taste": pa.array([[0.1, -2.0], [0.3, 4.0], None]),
}


@pytest.fixture
def table() -> pa.Table:
    known = {"own": fold(OWN, None, 3)[0], "country": pa.array(["NO", "SE", "NO"])}
    facts = [known.get(field.name, pa.nulls(3, field.type)) for field in FACTS]
    return pa.table(
        {"row": [0, 1, 2], "facts": pa.StructArray.from_arrays(facts, fields=list(FACTS))}
    )


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("facts.age > 30", [1]),
        ("facts.age IS NULL", [2]),
        ("facts.plan = 'it''s'", [1]),
        ("facts.plan = 'facts.plan' OR facts.country = 'NO'", [0, 2]),
        ("list_contains(facts.likes, 'noir')", [0]),
        ("facts.seen['noir'] > 2", [1]),
        ("facts.taste[2] < 0 AND facts.age < 30", [0]),
    ],
)
def test_a_fact_of_ones_own_goes_by_its_name(table, where, rows):
    assert rows_where(table, where)["row"].to_pylist() == rows


def test_a_fact_that_nobody_has_is_refused_with_those_that_there_are(table):
    with pytest.raises(BadInput, match=r"facts are facts\.country, .*facts\.age, facts\.likes"):
        rows_where(table, "facts.shoe = 44")


def test_an_experiments_rows_go_by_own_facts_too(table, tmp_path):
    times = pa.array(np.full(3, 1_770_000_000_000_000)).cast(pa.timestamp("us", tz="UTC"))
    for name, column in (
        ("profile_id", pa.array(["a", "b", "c"])),
        ("cell", pa.array(["x", "y", "x"])),
        ("time", times),
        ("reward", pa.array([1.0, 0.0, 1.0])),
    ):
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "examples.parquet")
    read = MemberDays.read(str(tmp_path / "examples.parquet"), where="facts.age >= 40")
    assert read.profile_id.tolist() == ["b"]
    with pytest.raises(BadInput, match=r"facts\.taste"):
        MemberDays.read(str(tmp_path / "examples.parquet"), where="facts.shoe = 1")
