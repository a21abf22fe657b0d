"""What each fact became: every number of the features belongs to one part, under its own name."""

import numpy as np
import pyarrow as pa
import pytest

from data.features import context_features
from data.features.fact_parts import differing, fact_parts
from data.reading.facts_json import facts_array
from data.records import FACTS
from tests.data.features.test_declared import MEMBERS, SPEC, folded

FACTS_OF_ONE = {
    "country": "BR",
    "tenure_days": 20.0,
    "row": 3,
    "watched_genres": {"drama": 3.0, "noir": 1.0},
    "watched_cast": {"crow": 2.0, "owl": 1.0},
}


def parts_of(facts):
    [kept] = folded([facts])
    row = facts_array([kept])
    features = context_features(SPEC, row)
    return features, fact_parts(SPEC, features, kept)


def test_parts_share_out_all_numbers_and_each_once():
    features, parts = parts_of({**FACTS_OF_ONE, **MEMBERS[5]})
    columns = sorted(column for part in parts for column in part.columns)
    assert columns == list(range(features.dense.shape[1]))
    slots = [slot for part in parts for slot in part.slots]
    assert sorted(slots) == np.flatnonzero(features.cast_ids[0]).tolist()
    named = {(part.fact, part.value) for part in parts if part.slots}
    assert named == {
        *(("watched_cast", name) for name in ("crow", "owl")),
        *(("liked", name) for name in ("blue", "red")),
        ("read", "war"),
    }


@pytest.mark.parametrize("fact", [*FACTS_OF_ONE, *MEMBERS[5]])
def test_a_fact_alone_moves_its_own_numbers_and_no_others(fact):
    alone = {fact: {**FACTS_OF_ONE, **MEMBERS[5]}[fact]}
    features, parts = parts_of(alone)
    unknown = context_features(SPEC, pa.array([{}], FACTS))
    moved = differing(parts, features, unknown)
    assert {part.fact for part in moved} == {fact}
    covered = [column for part in moved for column in part.columns]
    apart = np.flatnonzero(features.dense[0] != unknown.dense[0])
    assert set(apart.tolist()) <= set(covered)
