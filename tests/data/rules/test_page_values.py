"""What rules take for known of a page: prohibitions hold wherever a fact says nothing."""

import pyarrow as pa
import pytest

from data.records import FACTS
from data.rules.page_values import column_values, request_values


@pytest.mark.parametrize(
    "facts",
    [
        *({"country": value} for value in ("", " ", 5, True, ["DE"], None)),
        *({"tenure_days": value} for value in ("3", float("nan"), {})),
    ],
)
def test_what_says_nothing_is_not_known(facts):
    assert request_values(facts, ["country", "tenure_days"]) == {}


def test_columns_and_requests_say_the_same():
    rows = [{"country": "DE", "tenure_days": 3.0}, {"country": ""}, {"tenure_days": float("nan")}]
    asked = ["country", "tenure_days"]
    told = column_values(pa.array(rows, FACTS), asked)
    assert told == [request_values(row, asked) for row in rows] == [rows[0], {}, {}]
