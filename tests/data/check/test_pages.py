"""`data check` sees pages whose slots are sound one by one and make no page."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.path import check_path
from data.records import DECISIONS, PAGE_COLUMNS

START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema([*DECISIONS, *PAGE_COLUMNS])
PAGES, SLOTS = 12, 3


def decision(page, slot):
    """Of a page that shows artworks a and b in turn."""

    def shown(at):
        return "ab"[(page + at) % 2]

    return {
        "schema_version": 2,
        "decision_id": f"{page * SLOTS + slot:032x}",
        "time": START,
        "profile_id": f"p{page}",
        "title_id": slot,
        "facts": {"country": "FR"},
        "candidates": ["a", "b"],
        "action": shown(slot),
        "propensity": 0.5,
        "probabilities": [0.5, 0.5],
        "policy": "thompson",
        "bundle": "b1",
        "seed": page * SLOTS + slot + 1,
        "level": "personalised",
        "page_id": f"page{page:02}",
        "page_slot": slot,
        "left_artwork": shown(slot - 1) if slot else None,
        "right_artwork": shown(slot + 1) if slot + 1 < SLOTS else None,
        "slot_propensity": 0.5,
    }


def checked(folder, rows):
    (folder / "decisions").mkdir()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "decisions" / "d.parquet")
    return [(p.kind, p.column, "\n".join(p.lines())) for p in check_path(folder)]


@pytest.fixture
def rows():
    return [decision(page, slot) for page in range(PAGES) for slot in range(SLOTS)]


def test_whole_pages_are_sound_and_so_is_a_page_that_is_logged_again(tmp_path, rows):
    assert checked(tmp_path, [*rows, *rows[:SLOTS]]) == []


def without_the_middle(rows):
    del rows[4]


def without_the_end(rows):
    del rows[5]


def a_slot_twice(rows):
    rows[4]["page_slot"] = 0


def two_members(rows):
    rows[4]["profile_id"] = "p0"


def another_neighbour(rows):
    rows[4]["left_artwork"] = "b" if rows[4]["left_artwork"] == "a" else "a"


def something_before_the_first(rows):
    rows[3]["left_artwork"] = "a"


def no_place(rows):
    rows[4]["page_slot"] = None


def no_probability(rows):
    rows[4]["slot_propensity"] = 1.5


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_the_middle, "page page01 has 2 slots, of which the last is numbered 2"),
        (without_the_end, "page page01 ends at slot 1, which names something on its right"),
        (a_slot_twice, "page page01 has slot 0 twice"),
        (two_members, "page page01 is of the profiles p0 and p1"),
        (another_neighbour, "page page01 shows b in slot 0 and a in the next, which name a and a"),
        (something_before_the_first, "page page01 names a on the left of its first slot"),
        (no_place, "page page01 has a row without a page_slot"),
        (no_probability, "page page01 has a slot_propensity of 1.5"),
    ],
)
def test_a_page_that_is_none_is_named(tmp_path, rows, spoil, words):
    spoil(rows)
    problems = checked(tmp_path, rows)
    assert {kind for kind, _, _ in problems} == {"page"}
    assert any(words in said for _, _, said in problems), problems


def test_pages_that_are_wrong_alike_are_one_problem(tmp_path, rows):
    ((_, _, said),) = checked(tmp_path, [row for row in rows if row["page_slot"] != 1])
    assert "page page00" in said
    assert f"{PAGES - 1} more pages" in said
