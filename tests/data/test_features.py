"""Facts to numbers: stable, bounded, and the same after a round trip through the bundle."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from data.features import (
    CAST_BUCKETS,
    FeatureSpec,
    candidate_features,
    context_features,
    name_number,
)
from data.records import ARTWORKS, FACTS, TITLES
from data.sound import MOST_COUNT, unsound_facts


def facts(**changed):
    row = {
        "country": "NZ",
        "language": "en",
        "device": "tv",
        "surface": "home",
        "row": 1,
        "column": 2,
        "day_part": "night",
        "tenure_days": 30.0,
        "watched_genres": [("birds", 3.0), ("space", 1.0)],
        "watched_cast": [("crow", 2.0)],
    }
    return pa.array([row | changed], FACTS)


TITLE = {
    "title_id": 7,
    "name": "Crows",
    "genres": ["birds"],
    "cast": ["crow"],
    "popularity": 0.1,
    "launch_day": date(2026, 1, 1),
    "runtime_minutes": 90.0,
    "default_artwork_id": "a",
}
TITLES_TABLE = pa.Table.from_pylist([TITLE], TITLES)


def artworks(**changed):
    row = {
        "artwork_id": "a",
        "title_id": 7,
        "path": "a.webp",
        "added_day": date(2026, 1, 1),
        "withdrawn_day": None,
        "cast_shown": ["crow"],
        "tone": "dark",
    }
    return pa.Table.from_pylist([row | changed], ARTWORKS)


SPEC = FeatureSpec.learn(facts(), TITLES_TABLE, artworks())


def test_a_specification_survives_the_bundle():
    again = FeatureSpec.from_json(SPEC.to_json())
    assert again == SPEC
    assert again.fingerprint == SPEC.fingerprint


def test_a_specification_of_another_version_is_refused():
    with pytest.raises(BadInput, match="version 99"):
        FeatureSpec.from_json(SPEC.to_json().replace('"version": 1', '"version": 99'))


@pytest.mark.parametrize("name", ["country", "device", "surface", "row", "column", "tenure_days"])
def test_a_fact_that_is_not_known_differs_from_one_that_is(name):
    known = context_features(SPEC, facts()).dense
    missing = context_features(SPEC, facts(**{name: None})).dense
    assert known.shape == missing.shape
    assert np.isfinite(missing).all()
    assert not np.array_equal(known, missing)


def test_a_value_never_seen_is_not_the_same_as_one_not_known():
    new = context_features(SPEC, facts(country="XX")).dense
    missing = context_features(SPEC, facts(country=None)).dense
    assert not np.array_equal(new, missing)


def test_new_genres_and_missing_histories_are_finite_and_of_the_same_width():
    new = context_features(SPEC, facts(watched_genres=[("opera", 5.0)], watched_cast=None))
    none = context_features(SPEC, facts(watched_genres=None, watched_cast=[("nobody", 1.0)]))
    assert new.dense.shape == none.dense.shape == context_features(SPEC, facts()).dense.shape
    assert np.isfinite(new.dense).all()
    assert new.cast_weights.sum() == 0
    assert none.cast_weights.sum() == 1


def test_artwork_without_tags_is_described_as_well():
    tagged = candidate_features(SPEC, TITLES_TABLE, artworks())
    plain = candidate_features(SPEC, TITLES_TABLE, artworks(cast_shown=None, tone=None))
    assert plain.dense.shape == tagged.dense.shape
    assert plain.cast_weights.sum() == 0


@pytest.mark.parametrize("exact", [True, False])
def test_a_cast_member_has_one_number_in_facts_and_in_tags(exact):
    spec = replace(SPEC, exact_names=exact)
    seen = context_features(spec, facts()).cast_ids[0, 0]
    assert candidate_features(spec, TITLES_TABLE, artworks()).cast_ids[0, 0] == seen


def test_names_of_one_bucket_have_numbers_of_their_own():
    names = [f"name {i}" for i in range(9000)]
    buckets = [name_number(name, exact=False) for name in names]
    numbers = [name_number(name) for name in names]
    assert len(set(numbers)) == len(names)
    assert min(buckets) >= 1
    assert len(set(buckets)) < CAST_BUCKETS
    assert [number % CAST_BUCKETS for number in numbers] == buckets
    assert max(numbers) < 1 << 62


def test_a_specification_of_before_names_had_numbers_knows_their_buckets():
    values = json.loads(SPEC.to_json())
    del values["exact_names"]
    former = FeatureSpec.from_json(json.dumps(values))
    assert former == replace(SPEC, exact_names=False)
    assert json.loads(former.to_json()) == values
    assert former.fingerprint != SPEC.fingerprint


def test_artwork_of_an_unknown_title_is_named():
    with pytest.raises(BadInput, match="title 8"):
        candidate_features(SPEC, TITLES_TABLE, artworks(title_id=8))


def test_what_was_constant_in_training_says_nothing():
    # The specification saw one tenure and one popularity.
    known, other = (context_features(SPEC, facts(tenure_days=d)).dense for d in (30.0, 3000.0))
    np.testing.assert_array_equal(known, other)
    dearer = TITLES_TABLE.set_column(
        TITLES_TABLE.schema.get_field_index("popularity"),
        TITLES_TABLE.schema.field("popularity"),
        pa.array([0.9] * len(TITLES_TABLE), TITLES_TABLE.schema.field("popularity").type),
    )
    for titles in (TITLES_TABLE, dearer):
        assert np.abs(candidate_features(SPEC, titles, artworks()).dense).max() <= 1


ODD = st.one_of(st.none(), st.floats(width=32), st.sampled_from([-1.0, 3e38, -0.0, 1e-40]))
PAIRS = st.one_of(st.none(), st.lists(st.tuples(st.text(), ODD), max_size=12))


@given(tenure=ODD, genres=PAIRS, cast=PAIRS, place=st.integers(-(2**15), 2**15 - 1))
def test_any_facts_have_finite_features_and_what_cannot_be_is_not_known(
    tenure, genres, cast, place
):
    asked = {"tenure_days": tenure, "watched_genres": genres, "watched_cast": cast, "row": place}
    odd = facts(**asked)
    computed = context_features(SPEC, odd)
    assert all(np.isfinite(column).all() for column in computed)
    wrong = unsound_facts(odd)

    def sound(pairs):
        return pairs and [(k, v) for k, v in pairs if v is not None and 0 <= v <= MOST_COUNT]

    instead = {
        "tenure_days": None if "tenure_days" in wrong else tenure,
        "row": None if "row" in wrong else place,
        "watched_genres": sound(genres),
        "watched_cast": sound(cast),
    }
    for one, other in zip(computed, context_features(SPEC, facts(**instead)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_specification_is_learnt_past_facts_that_cannot_be():
    odd = facts(tenure_days=-1.0)
    both = pa.concat_arrays([facts(), odd])
    assert FeatureSpec.learn(both, TITLES_TABLE, artworks()) == SPEC
