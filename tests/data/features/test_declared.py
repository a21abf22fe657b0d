"""Declared facts become numbers: finite ones of anything, and the same from Arrow and from JSON."""

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from data.features import CAST_KEPT, FeatureSpec, candidate_features, context_features
from data.lossless_cast import fit
from data.reading.facts_json import facts_array
from data.reading.feature_plan import FeaturePlan
from data.records import ARTWORKS, FACTS, TITLES
from data.schema import Fact, Schema
from data.schema.request_facts import fold_request, fold_unheard

SCHEMA = Schema(
    facts=(
        Fact("age", "number"),
        Fact("spent", "number", scale="log", missing=0),
        Fact("rank", "number", scale="steps"),
        Fact("plan", "category", missing="free"),
        Fact("weather", "category", known_at="request"),
        Fact("hobbies", "set"),
        Fact("liked", "counts", match="artworks.tags"),
        Fact("read", "counts", match="titles.subjects"),
        Fact("taste", "vector"),
    ),
    titles=(Fact("subjects", "set"), Fact("pages", "number", scale="log")),
    artworks=(Fact("tags", "set"), Fact("typeface", "category"), Fact("look", "vector")),
)
MEMBERS = [
    {
        "age": 20.0 + row,
        "spent": 3.0 * row,
        "rank": row,
        "plan": ["family", "solo"][row % 2],
        "weather": "rain",
        "hobbies": ["sea", "noir"][: row % 3],
        "liked": {"red": 2.0, "blue": float(row)},
        "read": [["war", 1]],
        "taste": [float(row), 1.0, -0.5],
    }
    for row in range(12)
]


def catalogue(rows):
    titles = [
        {
            **{"title_id": n, "name": "", "genres": ["drama"], "cast": [], "popularity": 1.0},
            **{"launch_day": 0, "runtime_minutes": 1.0, "default_artwork_id": f"{n}-0"},
            "own": [("subjects", {"names": ["war", f"s{n}"]}), ("pages", {"numbers": [100.0 * n]})],
        }
        for n in (1, 2)
    ]
    artworks = [
        {
            **{"artwork_id": f"{n}-{k}", "title_id": n, "path": "a", "added_day": 0},
            "own": [
                ("tags", {"names": [["red"], ["blue", "green"], []][k]}),
                ("typeface", {"names": [["serif", "sans", "serif"][k]]}),
                ("look", {"numbers": [float(k), -1.0]}),
            ],
        }
        for n in (1, 2)
        for k in range(rows)
    ]
    return pa.Table.from_pylist(titles, TITLES), pa.Table.from_pylist(artworks, ARTWORKS)


def folded(facts):
    return [fold_request(each, DECLARED)[0] for each in facts]


def learnt():
    facts = facts_array([fold_unheard(each, {}) for each in MEMBERS])
    return FeatureSpec.learn(facts, *catalogue(3), SCHEMA)


SPEC = learnt()
DECLARED = SPEC.declared.requested
ANY = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    | st.lists(st.text(max_size=2) | st.floats() | st.integers(), max_size=4)
    | st.dictionaries(st.sampled_from(["red", "blue", "war", "é", "a\0"]), st.floats(), max_size=3)
)  # fmt: skip
NAMES = [fact.name for fact in SCHEMA.facts]
FACTS_OF_ANY = st.lists(
    st.one_of(
        st.sampled_from(MEMBERS), st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, ANY))
    ),
    min_size=1,
    max_size=5,
)


@given(FACTS_OF_ANY)
def test_requests_get_the_bits_of_the_log_and_any_value_is_finite(facts):
    kept = folded(facts)
    planned = FeaturePlan(SPEC).features(kept)
    assert planned is not None
    logged = facts_array([json.loads(json.dumps(each)) for each in kept])
    for ours, defined in zip(planned, context_features(SPEC, logged), strict=True):
        assert np.isfinite(defined).all()
        assert np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(defined).tobytes()
    one = context_features(SPEC, logged.slice(len(facts) - 1))
    for ours, every in zip(one, planned, strict=True):
        assert ours[0].tobytes() == every[-1].tobytes()


@pytest.mark.parametrize("declared", [SCHEMA, Schema()], ids=["declared", "alone"])
def test_what_is_switched_off_moves_no_number(declared):
    off = ("facts.device", "facts.watched_genres", "facts.tenure_days", "facts.row")
    off += ("titles.genres", "titles.cast", "titles.popularity", "artworks.tone")
    schema = replace(declared, off=off)
    known = {"device": "tv", "watched_genres": {"drama": 2.0}, "tenure_days": 30.0, "row": 1}
    said = facts_array([{**known, "country": "NO"}, {"country": "SE"}])
    titles, artworks = catalogue(3)
    spec = FeatureSpec.learn(said, titles, artworks, schema)
    again = FeatureSpec.from_json(spec.to_json())
    assert again == spec
    assert again.declared.schema == schema
    asked = [{**known, "country": "NO"}, {"country": "NO"}]
    for numbers in (
        context_features(again, facts_array(asked)),
        FeaturePlan(again).features(asked),
    ):
        assert numbers is not None
        for part in numbers:
            np.testing.assert_array_equal(part[0], part[1])
    other = titles.to_pylist()
    for row in other:
        row |= {"genres": ["noir"], "cast": ["Ida"], "popularity": 7.0}
    for one, two in zip(
        candidate_features(again, titles, artworks),
        candidate_features(again, pa.Table.from_pylist(other, TITLES), artworks),
        strict=True,
    ):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, two)


def test_a_file_with_fields_of_its_own_gives_what_a_request_gives():
    columns = {name: [row[name] for row in MEMBERS] for name in NAMES if name not in ("liked",)}
    columns["read"] = [[("war", 1)]] * len(MEMBERS)
    arrays = {
        name: pa.array(values, pa.map_(pa.string(), pa.int64()) if name == "read" else None)
        for name, values in columns.items()
    }
    arrays["liked"] = pa.array([row["liked"] for row in MEMBERS])  # a struct of two fields
    rows = pa.StructArray.from_arrays(list(arrays.values()), list(arrays))
    filed = context_features(SPEC, fit(rows, FACTS))
    asked = FeaturePlan(SPEC).features(folded(MEMBERS))
    assert asked is not None
    for ours, theirs in zip(filed, asked, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -1e300, "x", [1, "a"], {"a": -1.0}, [1.0] * 5])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("plan", "weather")])
def test_what_cannot_be_is_not_known_and_is_named(name, odd):
    facts, named = fold_request({name: odd}, DECLARED)
    assert named == [name]
    stored = fit(pa.array([{name: odd} if not isinstance(odd, list) else {}]), FACTS)
    both = context_features(SPEC, facts_array([facts, {}]))
    assert (both.dense[0] == both.dense[1]).all()
    assert np.isfinite(context_features(SPEC, stored).dense).all()


def test_columns_say_what_docs_say():
    first = len(
        context_features(
            FeatureSpec.learn(pa.array([{}], FACTS), *catalogue(3)), pa.array([{}], FACTS)
        ).dense[0]
    )
    dense = context_features(SPEC, facts_array(folded([MEMBERS[0], {}, {"plan": 7}]))).dense
    own = np.split(dense[:, first:], np.cumsum([one.width for one in SPEC.declared.facts]), axis=1)
    age, spent, rank, plan, weather, hobbies, liked, read, taste, none = own
    ages = np.array([row["age"] for row in MEMBERS])
    assert age[0].tolist() == pytest.approx([(20 - ages.mean()) / ages.std(), 0])
    assert age[1].tolist() == [0, 1]
    assert (spent[1] == spent[0]).all()  # missing stands for 0, which the first has
    assert spent[1, 1] == 0
    assert rank[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert rank[1].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert [row.tolist() for row in plan] == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0]]
    assert weather[1].tolist() == [0, 0, 1]
    assert hobbies[0].tolist() == [0, 0, 0, 0]  # none, and that is known
    assert hobbies[1].tolist() == [0, 0, 0, 1]
    assert liked[0].tolist() == pytest.approx([0, 1, 0, math.log(3)])
    assert read[0].tolist() == pytest.approx([1, 0, math.log(2)])
    assert taste[1].tolist() == [0, 0, 0, 1]
    assert none.shape[1] == 0


def test_counts_meet_the_sets_that_they_match():
    context = context_features(SPEC, facts_array(folded([{"liked": {"red": 1}}, {}])))
    shown = candidate_features(SPEC, *catalogue(3))
    assert context.cast_ids.shape[1] == shown.cast_ids.shape[1] == 3 * CAST_KEPT
    liked = context.cast_ids[0, CAST_KEPT]
    tags = shown.cast_ids[:, CAST_KEPT : 2 * CAST_KEPT]
    assert liked > 0
    assert (tags == liked).any(1).tolist() == [True, False, False] * 2
    assert shown.cast_weights[1, CAST_KEPT : CAST_KEPT + 3].tolist() == [0.5, 0.5, 0]
    assert not context.cast_weights[1].any()


def test_artworks_facts_are_the_last_columns():
    shown = candidate_features(SPEC, *catalogue(3)).dense
    assert SPEC.declared.artwork_columns == (3 + 2) + (2 + 2) + (2 + 1)
    own = shown[:, -SPEC.declared.artwork_columns :]
    assert (own[:3] == own[3:]).all()
    assert len(np.unique(own[:3], axis=0)) == 3


def test_a_specification_travels_and_declares_nothing_where_nothing_is_declared():
    assert FeatureSpec.from_json(SPEC.to_json()) == SPEC
    assert SPEC.declared.schema == SCHEMA
    plain = FeatureSpec.learn(pa.array([{}], FACTS), *catalogue(3))
    assert "declared" not in json.loads(plain.to_json())
    assert FeatureSpec.from_json(plain.to_json()) == plain


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(facts=7),
        lambda d: d.update(more=[]),
        lambda d: d["facts"].append(d["facts"][0]),
        lambda d: d["facts"][0].update(mean=[math.inf]),
        lambda d: d["facts"][0].update(mean=[]),
        lambda d: d["facts"][0].update(values=[1]),
        lambda d: d["facts"][0].pop("fact"),
        lambda d: d["facts"][0]["fact"].update(kind="odd"),
        lambda d: d["facts"][0]["fact"].update(name="device"),
        lambda d: d["facts"][-1].update(deviation=[1.0]),
        lambda d: d.update(artworks=[]),
    ],
)
def test_a_changed_specification_is_refused(change):
    values = json.loads(SPEC.to_json())
    change(values["declared"])
    with pytest.raises(BadInput, match="not a feature specification"):
        FeatureSpec.from_json(json.dumps(values))
