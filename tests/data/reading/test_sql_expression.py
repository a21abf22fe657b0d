"""`--where` is one expression over the columns of a table, and nothing else."""

import pyarrow as pa
import pytest

from data.errors import BadInput
from data.reading.sql_rows import rows_where

ROWS = pa.table(
    {
        "facts": [{"country": land} for land in ("NO", "SE", "NO", None)],
        "day": [1, 2, 3, 4],
        "tags": [["a"], [], ["a", "b"], None],
    }
)


@pytest.mark.parametrize(
    ("where", "days"),
    [
        (None, [1, 2, 3, 4]),
        ("facts.country = 'NO'", [1, 3]),
        ("facts.country IS NULL OR day = 2 -- or both", [2, 4]),
        ("list_contains(tags, 'a') AND day BETWEEN 1 AND 2", [1]),
        ("day IN (SELECT 3)", [3]),
        ("len(list_filter(tags, lambda x: x = 'b')) > 0", [3]),
    ],
)
def test_rows_are_those_that_it_holds_for_in_their_order(where, days):
    assert rows_where(ROWS, where)["day"].to_pylist() == days


@pytest.mark.parametrize(
    "where",
    [
        "",
        "(",
        "day = 1, day = 2",
        "land = 'NO'",
        "sum(day) > 1",
        "tags",
        "true) UNION ALL (SELECT 10000000000",
        "true) FROM rows WHERE (true",
        "true) LIMIT (1",
        "true) ORDER BY (day",
        "true) GROUP BY (day",
        "day IN (SELECT x FROM read_csv('/etc/passwd') t(x))",
        "\ud800",
        "?",
        pytest.param("day = 1" + " + 1" * 400, id="deep"),
        pytest.param("NOT " * 3000 + "true", id="deeper"),
    ],
)
def test_what_is_no_expression_over_the_columns_is_refused_with_them(where):
    with pytest.raises(BadInput, match=r"^--where .* cannot be computed .*facts, day, tags"):
        rows_where(ROWS, where)


def test_an_expression_that_holds_for_no_row_is_refused():
    with pytest.raises(BadInput, match=r"^--where 'day > 4': no row is such; widen it$"):
        rows_where(ROWS, "day > 4")
