"""Examples say which page their decision is of where the log does, and are as ever where not."""

import pyarrow as pa
import pyarrow.parquet as pq

from data.log.parquet import append_table
from data.records import DECISIONS, EXAMPLES, PAGE_COLUMNS
from tests.data.join.test_join import NOON, decision, examples, joined, log, shown

PAGED = pa.schema([*DECISIONS, *PAGE_COLUMNS])
BESIDE = {
    **{"page_id": "p", "page_slot": 1, "left_artwork": "l", "right_artwork": None},
    "slot_propensity": 0.25,
}


def test_pages_of_a_log_are_in_its_examples_beside_decisions_without(tmp_path):
    log(tmp_path, [decision("d")], [shown(), shown(name="e", title_id=8)])
    table = pa.Table.from_pylist([decision("e", title_id=8, **BESIDE)], PAGED)
    append_table(tmp_path, "decisions", table, "b")
    rows = {row["decision_id"]: row for row in joined(tmp_path)}
    assert {name: rows["e"][name] for name in BESIDE} == BESIDE
    assert {name: rows["d"][name] for name in BESIDE} == dict.fromkeys(BESIDE)
    [file] = (tmp_path / "out").rglob("*.parquet")
    assert pq.ParquetFile(file).schema_arrow.equals(pa.schema([*EXAMPLES, *PAGE_COLUMNS]))


def test_of_copies_that_name_two_pages_one_is_kept_whatever_their_order(tmp_path):
    found = []
    for order in (1, -1):
        folder = tmp_path / str(order)
        log(folder, (), [shown()])
        copies = [decision("d", at=NOON, **BESIDE), decision("d", at=NOON, page_id="q")]
        for part, copy in enumerate(copies[::order]):
            file = folder / "decisions" / f"{part}.parquet"
            pq.write_table(pa.Table.from_pylist([copy], PAGED), file)
        joined(folder)
        found += [row["page_id"] for row in examples(folder / "out")]
    assert len(found) == 2
    assert len(set(found)) == 1
