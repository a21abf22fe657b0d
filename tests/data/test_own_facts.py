"""Columns that Marquee does not know are carried along, whatever they are, and come out again."""

import numpy as np
import pyarrow as pa
import pytest

from data.lossless_cast import fit
from data.own_facts import fact_values, fold, own_names, without_facts
from data.records import FACTS, OWN, TITLES
from data.schema_cast import conform

COLUMNS = {
    "number": (pa.array([3, None, -1]), [(None, [3.0]), None, (None, [-1.0])]),
    "truth": (pa.array([True, None, False]), [(None, [1.0]), None, (None, [0.0])]),
    "small": (pa.array([0.5, None, 2], pa.float16()), [(None, [0.5]), None, (None, [2.0])]),
    "text": (pa.array(["a", None, ""]), [(["a"], None), None, ([""], None)]),
    "coded": (pa.array(["a", None, "b"]).dictionary_encode(), [(["a"], None), None, (["b"], None)]),
    "set": (pa.array([["a", "b"], None, []]), [(["a", "b"], None), None, ([], None)]),
    "nothing": (pa.array([[], None, []]), [([], None), None, ([], None)]),
    "vector": (pa.array([[1, 2], None, []]), [(None, [1.0, 2.0]), None, (None, [])]),
    "fixed": (
        pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        [(None, [1.0, 2.0]), None, (None, [3.0, 4.0])],
    ),
    "counts": (
        pa.array([[("a", 2)], None, []], pa.map_(pa.string(), pa.int32())),
        [(["a"], [2.0]), None, ([], [])],
    ),
    "pairs": (
        pa.array([[{"k": "a", "v": 1.5}], None, []]),
        [(["a"], [1.5]), None, ([], [])],
    ),
    "fields": (
        pa.array([{"a": 2, "b": None}, None, {"a": None, "b": None}]),
        [(["a"], [2.0]), None, ([], [])],
    ),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("cut", [0, 1])
def test_every_kind_of_column_is_folded_and_comes_out(name, cut):
    column, want = COLUMNS[name]
    column, want = column.slice(cut), want[cut:]
    folded, refused = fold({"x": pa.array(range(len(column))), name: column}, None, len(column))
    assert not refused
    assert folded.type == OWN
    rows = [dict(row or ()) for row in folded.to_pylist()]
    found = [row.get(name) for row in rows]
    assert [value and (value["names"], value["numbers"]) for value in found] == want
    values = fact_values(folded, name)
    assert values.there.tolist() == [value is not None for value in want]
    told = [[] for _ in want]
    for row, code in zip(values.name_rows, values.codes, strict=True):
        told[row].append(values.distinct[code])
    assert told == [list(value[0] or []) if value else [] for value in want]
    assert values.numbers.tolist() == [x for value in want if value for x in value[1] or []]


def test_what_no_fact_can_be_is_named_and_the_others_stay():
    odd = pa.array([{"a": [1]}, {"a": []}])
    damaged = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], "i4")), pa.py_buffer(b"\xff\xfe")]
    )
    folded, refused = fold({"odd": odd, "bad": damaged, "age": pa.array([1, 2])}, None, 2)
    assert refused.keys() == {"odd", "bad"}
    assert own_names(folded) == ["age"]


def test_facts_keep_fields_of_their_own_through_a_file_of_any_shape():
    rows = pa.array(
        [{"country": "NO", "age": 31, "tags": ["a"]}, None, {"country": None, "age": None}]
    )
    facts = fit(rows, FACTS)
    assert facts.type == FACTS
    assert facts[0]["country"].as_py() == "NO"
    assert not facts[1].is_valid
    own = facts.field("own")
    assert own_names(own) == ["age", "tags"]
    assert fit(facts, FACTS).equals(facts)
    assert fact_values(own, "age").there.tolist() == [True, False, False]
    mixed = pa.struct([("own", OWN), ("size", pa.int64())])
    row = {"own": [("age", {"names": None, "numbers": [4.0]})], "size": 2}
    again = fit(pa.array([row], mixed), FACTS)
    assert own_names(again.field("own")) == ["age", "size"]


def test_titles_keep_columns_of_their_own():
    row = dict.fromkeys(("name", "default_artwork_id"), "x") | {"genres": [], "cast": []}
    row |= {"title_id": 1, "popularity": 1.0, "launch_day": 0, "runtime_minutes": 1.0}
    table = pa.table({name: [row[name]] for name in row} | {"pages": [412], "isbn": ["978"]})
    titles, problems = conform(table, TITLES, "titles.parquet")
    assert not [p for p in problems if p.column != "launch_day"]
    assert own_names(titles["own"].combine_chunks()) == ["isbn", "pages"]


def test_a_column_named_own_that_is_not_ours_is_refused_in_words():
    table = pa.table({"own": [7]})
    _, problems = conform(table, pa.schema([TITLES.field("own")]), "titles.parquet")
    assert "own is a name that Marquee keeps" in str(problems[0])


def test_facts_are_hidden_in_the_rows_that_lose_them():
    own, _ = fold({"a": pa.array([1, 2, None]), "b": pa.array(["x", "y", "z"])}, None, 3)
    assert own_names(without_facts(own, ["a"])) == ["b"]
    hidden = without_facts(own, ["a", "b"], lambda name: np.array([name == "a", False, True]))
    assert [sorted(dict(row or ())) for row in hidden.to_pylist()] == [["b"], ["a", "b"], []]
    assert without_facts(own, ["c"]) is own
    part = without_facts(own.slice(1), ["b"])
    assert [sorted(dict(row or ())) for row in part.to_pylist()] == [["a"], []]
