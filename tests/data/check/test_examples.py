"""Examples that nothing can be learnt from are refused, by column and row."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.examples import check_examples, read_examples
from data.check.known import Known
from data.check.rows import check_rewards
from data.errors import BadInput
from data.records import EXAMPLES
from tests.data.check.check_rows import example, examples


def test_good_examples_pass():
    check_examples(examples(), ["a", "b", "c"], title_ids=[1])
    check_examples(examples())
    check_examples(EXAMPLES.empty_table(), ["a"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"propensity": 0.0}, r"column propensity, row 3: 0.0 is no probability"),
        ({"propensity": float("nan")}, r"column propensity, row 3: nan"),
        ({"propensity": 1.5}, r"column propensity, row 3: 1.5"),
        ({"propensity": -0.1}, r"column propensity, row 3: -0.1"),
        ({"propensity": float("inf")}, r"column propensity, row 3: inf"),
        ({"action": "z"}, r"column action, row 3: artwork 'z' is not in the catalogue"),
        ({"candidates": ["a", "z"]}, r"candidates, row 3: candidate 'z' is not in the catalogue"),
        ({"action": "c", "candidates": ["a", "b"]}, r"row 3: 'c' is not one of the row's 2 cand"),
        ({"candidates": []}, r"candidates, row 3: the list is empty"),
        ({"candidates": ["a", "b", "a"], "action": "a"}, r"row 3: an artwork is listed twice"),
        ({"decision_id": f"{1:032x}"}, r"decision_id, row 3: '0+1' is in .*, row 1 already"),
        ({"title_id": 9}, r"title_id, row 3: title 9 is not in the catalogue"),
        ({"level": "guess"}, r"level, row 3: 'guess'; use one of personalised"),
        ({"reward": float("nan")}, r"reward, row 3: nan"),
        ({"reward": 0.5}, r"reward, row 3: a take or play of 0.5"),
        ({"minutes": -1.0}, r"minutes, row 3: -1.0"),
    ],
)
def test_a_wrong_example_is_refused_by_column_and_row(changes, message):
    with pytest.raises(BadInput, match=message):
        check_examples(examples(**changes), ["a", "b", "c"], title_ids=[1])


def test_without_a_catalogue_the_action_still_needs_to_be_a_candidate():
    with pytest.raises(BadInput, match="row 3: 'z' is not one of the row's 3 candidates"):
        check_examples(examples(action="z"))


def test_types_are_cast_or_named():
    table = examples()
    narrow = table.set_column(3, "title_id", table["title_id"].cast(pa.int32()))
    facts = pa.array([{"country": "NL"}] * 5, pa.struct([("country", pa.large_string())]))
    check_examples(narrow.set_column(4, "facts", facts), ["a", "b", "c"])
    with pytest.raises(BadInput, match=r"column propensity: the column is missing"):
        check_examples(table.drop(["propensity"]))
    words = table.set_column(7, "propensity", pa.array(["often"] * 5))
    with pytest.raises(BadInput, match=r"column propensity: its type string does not become doub"):
        check_examples(words)
    with pytest.raises(BadInput, match=r"column facts: its type string .*a struct is needed"):
        check_examples(table.set_column(4, "facts", pa.array(["{}"] * 5)))
    gap = table.set_column(6, "action", pa.array(["a", "b", None, "a", "b"]))
    with pytest.raises(BadInput, match=r"column action, row 2: null"):
        check_examples(gap)


def test_chunks_do_not_matter():
    table = pa.concat_tables([examples().slice(0, 2), examples(propensity=2.0).slice(2)])
    with pytest.raises(BadInput, match=r"row 3: 2\.0"):
        check_examples(table)


def test_examples_are_read_from_all_files(tmp_path: Path):
    for i, rows in enumerate((examples().slice(0, 2), examples().slice(2))):
        pq.write_table(rows, tmp_path / f"{i}.parquet")
    assert read_examples(tmp_path, ["a", "b", "c"]) == examples()
    pq.write_table(examples().slice(1, 1), tmp_path / "2.parquet")
    with pytest.raises(BadInput, match=r"2\.parquet, .*row 0: .* is in .*0\.parquet, row 1"):
        read_examples(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no"):
        read_examples(tmp_path / "none")


def check_problems(table: pa.Table) -> list:
    return list(check_rewards(table, "examples", Known()))


def test_a_long_list_is_cut_and_counted():
    rows = [example(i, propensity=0.0) for i in range(50)]
    [problem] = check_problems(pa.Table.from_pylist(rows, EXAMPLES))
    lines = list(problem.lines())
    assert problem.count == 50
    assert len(lines) == 21
    assert "30 more rows" in lines[-1]


def test_a_large_table_is_checked_whole():
    count = 100_000
    rng = np.random.default_rng(0)
    few = pa.Table.from_pylist([example(i) for i in range(3)], EXAMPLES)
    many = few.take(pa.array(rng.integers(0, 3, count)))
    ids = pa.array([f"{i:032x}" for i in range(count)])
    many = many.set_column(0, EXAMPLES.field(0), ids)
    check_examples(many, ["a", "b", "c"], title_ids=[1])
    late = ids.take(pa.array([*range(count - 1), 0]))
    with pytest.raises(BadInput, match=f"row {count - 1}: .* row 0 already"):
        check_examples(many.set_column(0, EXAMPLES.field(0), late))
