"""Another day's file joins a log, and no row twice; rows without a propensity are a rule's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.command import check
from data.check.path import check_path
from data.errors import BadInput
from data.importers.mapping.import_files import import_files
from data.reading.conformed_files import conformed_table
from data.records import EXAMPLES
from tests.data.importers.test_import_files import MAP, row
from tests.data.importers.worlds import made_catalogue, write_csv


@pytest.fixture
def add(tmp_path):
    """Append rows under a file's name; gives what the import said."""
    catalogue = made_catalogue(tmp_path)
    map, out = tmp_path / "MAP.yaml", tmp_path / "log"

    def _add(name, rows, text=MAP, **options):
        map.write_text(text)
        file = write_csv(tmp_path / name, rows)
        result = import_files([str(file)], map, out, catalogue, **({"append": True} | options))
        assert check_path(out, catalogue) == []
        return result

    return _add


def hours(first, last):
    return [row(when=f"2026-03-20 {hour}:00", who=f"r{hour}") for hour in range(first, last)]


def rows_of(folder):
    files = sorted(folder.glob("*.parquet"))
    return sum(pq.read_metadata(file).num_rows for file in files)


def test_files_that_overlap_make_each_row_once(add, tmp_path):
    there = tmp_path / "log" / "examples"
    assert add("one.csv", hours(10, 14)).written == 4
    second = add("two.csv", hours(12, 16))
    assert (second.written, second.set_aside) == (2, {"the log has it already": 2})
    assert second.drawn == 2
    assert rows_of(there) == 6
    again = add("one.csv", hours(10, 14))
    assert (again.written, again.drawn) == (0, 0)
    assert rows_of(there) == 6
    assert len(list(there.glob("*.parquet"))) == 2


def test_a_file_that_grew_gives_its_new_rows(add, tmp_path):
    add("log.csv", hours(10, 12))
    assert add("log.csv", hours(10, 15)).written == 3
    assert rows_of(tmp_path / "log" / "examples") == 5


def test_rows_that_have_ids_are_known_by_them_alone(add, tmp_path):
    text = MAP + "decision_id: id\n"
    same = [{**each, "id": f"a{at}"} for at, each in enumerate(hours(10, 12))]
    add("one.csv", same, text)
    other = [{**each, "id": f"b{at}"} for at, each in enumerate(hours(10, 12))]
    assert add("two.csv", [*other, same[0]], text).written == 2
    assert rows_of(tmp_path / "log" / "examples") == 4


def test_without_the_option_nothing_is_touched(add):
    add("one.csv", hours(10, 12))
    with pytest.raises(BadInput, match="--append adds"):
        add("two.csv", hours(12, 14), append=False)
    with pytest.raises(BadInput, match="give one"):
        add("two.csv", hours(12, 14), force=True)


def test_a_list_of_numbers_is_read_as_the_file_writes_numbers(add, tmp_path):
    text = MAP + 'csv: {decimal: ","}\nfacts:\n'
    text += '  taste: {column: taste, kind: vector, separator: " "}\n'
    tastes = ["0,5 -1,25", "1 2", "a b", "", "3,0 4"]
    rows = [{**each, "taste": taste} for each, taste in zip(hours(10, 15), tastes, strict=True)]
    said = add("one.csv", rows, text)
    assert said.set_aside == {"facts.taste is no numbers": 1}
    read = pq.read_table(tmp_path / "log" / "examples" / "part-0.parquet")["facts"].to_pylist()
    own = [dict(each["own"] or []).get("taste", {}).get("numbers") for each in read]
    assert own == [[0.5, -1.25], [1.0, 2.0], None, [3.0, 4.0]]


def test_rows_without_a_propensity_are_a_rules(add, tmp_path):
    add("one.csv", hours(10, 14))
    catalogue = tmp_path / "catalogue"
    file = tmp_path / "log" / "examples" / "part-0.parquet"
    table = pq.read_table(file)
    raw = tmp_path / "raw.parquet"
    at = table.column_names.index("propensity")
    nulls = pa.array([0.5, None, 0.5, None])
    pq.write_table(table.set_column(at, pa.field("propensity", pa.float64()), nulls), raw)
    assert check_path(raw, catalogue) == []
    assert "2 of 4 rows have no propensity" in check(raw, catalogue).ruled[0]
    read = conformed_table(raw, EXAMPLES)
    assert read["propensity"].to_pylist() == [0.5, 1.0, 0.5, 1.0]
    assert read["level"].to_pylist() == ["personalised", "unpersonalised"] * 2


def test_the_command_names_where_rows_were_set_aside(add, tmp_path):
    add("one.csv", hours(10, 14))
    write_csv(tmp_path / "two.csv", hours(13, 15))
    words = ["-m", "data", "import", "two.csv", "--append", "--json"]
    words += ["--out", "log", "--catalogue", "catalogue"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["written"] == 1
    assert "the log has it already" in (tmp_path / told["set_aside_rows"]).read_text()
