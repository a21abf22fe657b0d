"""A plan's features are those of Arrow's path, to the last bit, or it leaves the facts to that."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.features import CATEGORIES, FeatureSpec, context_features
from data.reading.facts_json import facts_array
from data.reading.feature_plan import FeaturePlan
from data.sound import MOST_COUNT, MOST_DAYS, unsound_facts

SPEC = FeatureSpec(
    categories={name: ["fr", "home", "tv", "é"] for name in CATEGORIES},
    genres=["comedy", "drama", "été"],
    tones=[],
    tenure_mean=4.2,
    tenure_sd=1.7,
    popularity_mean=0.0,
    popularity_sd=1.0,
)
WORDS = st.sampled_from(["fr", "tv", "é", "drama", "été", "", "a\0b", "x" * 3000]) | st.text()
SOUND = st.floats(0, 1e9, width=64) | st.integers(0, 1 << 24)
ODD = st.none() | st.floats() | st.integers() | st.booleans() | st.text(max_size=3)
PLAIN_NAMES = st.sampled_from(["drama", "comedy", "é", "Ana", "Bo"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5
)


def maps(names, counts):
    pairs = st.lists(st.tuples(names, counts), max_size=14)
    as_lists = pairs.map(lambda found: [list(pair) for pair in found])
    as_objects = pairs.map(lambda found: [{"key": key, "value": value} for key, value in found])
    return st.none() | pairs.map(dict) | as_lists | as_objects


PLAIN = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.none() | PLAIN_NAMES for name in CATEGORIES},
        "row": st.none() | st.integers(0, 32767),
        "column": st.none() | st.integers(0, 9),
        "tenure_days": st.none() | st.floats(0, MOST_DAYS) | st.integers(0, MOST_DAYS),
        "watched_genres": maps(PLAIN_NAMES, SOUND),
        "watched_cast": maps(PLAIN_NAMES, SOUND),
    },
)
ANY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(CATEGORIES, WORDS | ODD),
        **dict.fromkeys(("row", "column", "tenure_days"), ODD),
        **{
            name: maps(WORDS | ODD, SOUND | ODD) | ODD
            for name in ("watched_genres", "watched_cast")
        },
    },
)


def assert_same_bits(facts):
    planned = FeaturePlan(SPEC).features(facts)
    if planned is None:
        return False
    rows = facts_array(facts)  # raises where the plan took what does not fit
    assert not unsound_facts(rows)
    for ours, defined in zip(planned, context_features(SPEC, rows), strict=True):
        assert ours.dtype == defined.dtype
        assert ours.shape == defined.shape
        assert np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(defined).tobytes()
    return True


@given(st.lists(PLAIN, min_size=1, max_size=9))
def test_plain_facts_get_the_same_bits_without_arrow(facts):
    assert assert_same_bits(facts)


@given(st.lists(ANY | PLAIN, min_size=1, max_size=3))
def test_whatever_a_plan_takes_gets_the_same_bits(facts):
    assert_same_bits(facts)


@pytest.mark.parametrize(
    "odd",
    [
        {"tenure_days": math.nan},
        {"tenure_days": math.inf},
        {"tenure_days": -1.0},
        {"tenure_days": True},
        {"tenure_days": "9"},
        {"row": -1},
        {"row": 1.0},
        {"row": 40_000},
        {"country": 7},
        {"country": "\ud800"},
        {"watched_genres": {"drama": None}},
        {"watched_genres": {"drama": -1}},
        {"watched_genres": {"drama": MOST_COUNT * 2}},
        {"watched_cast": [["Ana", 1, 2]]},
        {"watched_cast": [[None, 1]]},
        {"watched_cast": "Ana"},
        {"watched_cast": {"Ana\0": 1}},
    ],
)
def test_odd_facts_are_left_to_the_path_that_says_what_is_wrong(odd):
    assert FeaturePlan(SPEC).features([{"country": "fr"}, odd]) is None
