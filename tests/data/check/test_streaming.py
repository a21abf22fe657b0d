"""Examples checked while they are read: the parts teach what the whole says."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.streaming import checked_examples
from data.errors import BadInput
from data.records import EXAMPLES
from tests.data.check.check_rows import example, examples


def parts(folder, table, rows=2):
    """A file and its rows, so many at a time, as a stream of examples gives them."""
    file = folder / "examples.parquet"
    pq.write_table(table, file)
    return [(file, table.slice(at, rows)) for at in range(0, len(table), rows)]


def test_good_examples_pass_part_by_part(tmp_path):
    wide = examples().set_column(3, "title_id", pa.array([1] * 5, pa.int32()))
    read = list(checked_examples(parts(tmp_path, wide), ["a", "b", "c"], title_ids=[1]))
    assert [len(part) for part in read] == [2, 2, 1]
    assert pa.concat_tables(read) == examples()


def test_a_wrong_row_is_named_by_its_place_in_the_file(tmp_path):
    stream = checked_examples(parts(tmp_path, examples(propensity=2.0)))
    assert len(next(stream)) == 2
    with pytest.raises(BadInput, match=r"examples\.parquet, column propensity, row 3: 2\.0"):
        next(stream)


def test_an_id_that_comes_again_is_refused_after_the_last_part(tmp_path):
    rows = [example(0), example(1), example(2), example(3), example(1)]
    stream = checked_examples(parts(tmp_path, pa.Table.from_pylist(rows, EXAMPLES)))
    assert [len(next(stream)) for _ in range(3)] == [2, 2, 1]
    with pytest.raises(BadInput, match=r"row 4: '0+1' is in .*examples\.parquet, row 1 already"):
        next(stream)
