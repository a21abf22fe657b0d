"""Ids that come twice are found among more than memory is to hold."""

import pyarrow as pa
import pytest

from data.duplicate_ids import HELD, DuplicateIds, hashes


@pytest.mark.parametrize("again", [None, 0, 7, HELD + 5])
def test_a_repeat_is_found_however_far_apart(again):
    ids = [f"{i:032x}" for i in range(HELD + 1000)]
    with DuplicateIds() as seen:
        for at in range(0, len(ids), 50_000):
            seen.add(hashes(pa.array(ids[at : at + 50_000])))
        if again is not None:
            seen.add(hashes(pa.array([ids[again]])))
        assert seen.repeated() == (again is not None)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([["a", "bb"], ["ccc", "a"]], True),
        ([["a", "b", "a"]], True),
        ([["a", "aa", "aaa", ""]], False),
        ([["é", "e"], ["é"]], True),
        ([[]], False),
    ],
)
def test_ids_of_any_length(parts, found):
    with DuplicateIds() as seen:
        for part in parts:
            seen.add(hashes(pa.chunked_array([pa.array(part, pa.string())])))
        assert seen.repeated() == found
