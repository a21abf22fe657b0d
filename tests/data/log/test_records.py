"""Log records as bytes: a round trip, refused by name where they do not fit."""

import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.log import PageRecords, decode, encode, encode_page
from data.log.records import decode_each, packed
from tests.data.log.log_rows import NOON, decision, event, page


@pytest.mark.parametrize(
    ("kind", "record", "complaint"),
    [
        ("clicks", event("e"), "no log of 'clicks'"),
        ("events", {**event("e"), "profile_id": None}, "lacks profile_id"),
        ("events", {**event("e"), "colour": "red"}, "columns that the log does not: colour"),
        ("events", {**event("e"), "kind": "Hover!"}, "kind 'Hover!'"),
        ("events", {**event("e"), "time": datetime(2026, 1, 1)}, "no time zone"),
        ("decisions", {**decision("d"), "facts": None}, "lacks facts"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_name(kind, record, complaint):
    with pytest.raises(ValueError, match=complaint):
        encode(kind, record)


@settings(deadline=None, max_examples=50)
@given(
    minutes=st.none() | st.floats(0, 1e6, width=32),
    row=st.none() | st.integers(-(2**15), 2**15 - 1),
    profile=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    micros=st.integers(0, 2**52),
)
def test_encoding_is_a_round_trip(minutes, row, profile, micros):
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    record = event("e", time, minutes=minutes, row=row, profile_id=profile)
    [back] = decode("events", [encode("events", record)]).to_pylist()
    assert {name: back[name] for name in record} == record


def test_pages_compressed_now_or_by_an_earlier_version_read_as_the_plain_ones():
    plain = encode_page("decisions", page("p", 40))
    now = packed(plain)
    assert len(now) < len(plain) / 2
    table = decode("decisions", [plain])
    assert table.num_rows == 40
    assert decode("decisions", [now]).equals(table)
    assert decode("decisions", [zlib.compress(plain, 1)]).equals(table)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (PageRecords({"time": NOON}, {"decision_id": ["d"]}), "lacks profile_id"),
        (page("p")._replace(each={**page("p").each, "seed": [1]}), "differ in length"),
        (page("p", colour="red"), "columns that the log does not: colour"),
    ],
)
def test_a_page_that_does_not_fit_is_refused_by_name(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        encode_page("decisions", given)


def test_records_of_both_kinds_of_title_ids_are_read_into_a_table_of_each():
    """The catalogue was exchanged while a log was written: nothing of it is lost."""
    records = [event("a"), event("b", title_id="7"), event("c", title_id=8)]
    strange = encode("events", {**event("d"), "title_id": [1]})
    tables, rejected = decode_each("events", [*(encode("events", r) for r in records), strange])
    assert rejected == [strange]
    assert [table["title_id"].to_pylist() for table in tables] == [[7, 8], ["7"]]
