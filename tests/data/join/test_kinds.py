"""Examples say what was chosen beside the artwork where the log does, and are as ever where not."""

import pyarrow as pa
import pyarrow.parquet as pq

from data.log import PageRecords
from data.log.parquet import append_table
from data.log.records import decode, encode_page
from data.records import DECISIONS, EXAMPLES, KIND_COLUMNS
from evaluate.policies.read_examples import read_examples
from tests.data.join.test_join import decision, examples, joined, log, shown

WITH_KINDS = pa.schema([*DECISIONS, *KIND_COLUMNS])
BESIDE = {
    "kinds": ["synopsis", "trailer"],
    "assets": ["s1", "t0"],
    "asset_candidates": [["s0", "s1"], ["t0"]],
    "asset_propensities": [0.25, 1.0],
    "joint_propensity": 0.125,
    "combinations": [0.5, 0.25, 0.125, 0.125],
}


def test_kinds_of_a_log_are_in_its_examples_beside_decisions_without(tmp_path):
    log(tmp_path, [decision("d")], [shown(), shown(name="e", title_id=8)])
    table = pa.Table.from_pylist([decision("e", title_id=8, **BESIDE)], WITH_KINDS)
    append_table(tmp_path, "decisions", table, "b")
    rows = {row["decision_id"]: row for row in joined(tmp_path)}
    assert {name: rows["e"][name] for name in BESIDE} == BESIDE
    assert {name: rows["d"][name] for name in BESIDE} == dict.fromkeys(BESIDE)
    [file] = (tmp_path / "out").rglob("*.parquet")
    assert pq.ParquetFile(file).schema_arrow.equals(pa.schema([*EXAMPLES, *KIND_COLUMNS]))


def test_of_copies_that_differ_in_kinds_one_is_kept_whatever_their_order(tmp_path):
    found = []
    for order in (1, -1):
        folder = tmp_path / str(order)
        log(folder, (), [shown()])
        copies = [decision("d", **BESIDE), decision("d", **{**BESIDE, "assets": ["s0", "t0"]})]
        for part, copy in enumerate(copies[::order]):
            file = folder / "decisions" / f"{part}.parquet"
            pq.write_table(pa.Table.from_pylist([copy], WITH_KINDS), file)
        joined(folder)
        found += [row["assets"] for row in examples(folder / "out")]
    assert len(found) == 2
    assert found[0] == found[1]


def test_a_page_with_kinds_is_read_from_its_journal_as_it_was_written():
    row = decision("d")
    shared = {n: v for n, v in row.items() if n not in ("decision_id", "title_id")}
    shared["facts"] = {}
    each = {"decision_id": ["d", "e"], "title_id": [1, 2]}
    each |= {name: [value, None] for name, value in BESIDE.items()}
    table = decode("decisions", [encode_page("decisions", PageRecords(shared, each))])
    one, other = table.to_pylist()
    assert {name: one[name] for name in BESIDE} == BESIDE
    assert {name: other[name] for name in BESIDE} == dict.fromkeys(BESIDE)


def test_examples_with_kinds_are_read_as_such(tmp_path):
    log(tmp_path, (), [shown()])
    table = pa.Table.from_pylist([decision("d", **BESIDE)], WITH_KINDS)
    append_table(tmp_path, "decisions", table, "b")
    joined(tmp_path)
    table = read_examples(tmp_path / "out", None)
    assert {name: table[name].to_pylist() for name in BESIDE} == {
        name: [value] for name, value in BESIDE.items()
    }
