"""Azure Personalizer's lines become examples; what is no decision is named."""

import json
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.check.path import check_path
from data.errors import BadInput
from data.importers.dsjson import dsjson
from data.importers.record_writer import SET_ASIDE
from data.schema import read_schema

ACTIONS = [
    {"_tag": "news", "i": {"constant": 1, "id": "news"}, "Topic": [{"kind": "new"}, {"size": 3}]},
    {"_tag": "sports", "i": {"constant": 1, "id": "sports"}, "Topic": [{"kind": "old"}]},
    {"_tag": "music", "i": {"constant": 1, "id": "music"}},
]


def line(event: str, **other: object) -> dict:
    usual = {
        "_label_cost": -1,
        "_label_probability": 0.8,
        "_label_Action": 2,
        "_labelIndex": 1,
        "Timestamp": "2019-08-13T20:40:28.7880000Z",
        "Version": "1",
        "EventId": event,
        "a": [2, 1, 3],
        "c": {"User": [{"tier": "pro"}, {"age": 33}], "_multi": ACTIONS},
        "p": [0.8, 0.1, 0.1],
        "VWState": {"m": "x"},
    }
    return usual | other


def imported(tmp_path, lines, **options):
    file = tmp_path / "log.dsjson"
    file.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines))
    result = dsjson([str(file)], tmp_path / "out", **options)
    assert check_path(tmp_path / "out" / "examples", tmp_path / "out" / "catalogue") == []
    assert check_path(tmp_path / "out" / "catalogue") == []
    return result, pq.read_table(tmp_path / "out" / "examples" / "part-0.parquet").to_pylist()


def test_a_line_becomes_an_example(tmp_path):
    result, [row] = imported(tmp_path, [line("one")])
    assert row["time"] == datetime(2019, 8, 13, 20, 40, 28, 788000, tzinfo=UTC)
    assert row["candidates"] == ["news", "sports", "music"]
    assert (row["action"], row["propensity"], row["reward"]) == ("sports", 0.8, 1.0)
    assert dict(row["facts"]["own"]) == {
        "User_tier": {"names": ["pro"], "numbers": []},
        "User_age": {"names": [], "numbers": [33.0]},
    }
    assert read_schema(tmp_path / "out" / "catalogue").to_json() == {
        "facts": {"User_tier": {"kind": "category"}, "User_age": {"kind": "number"}}
    }
    assert (result.drawn, result.actions, result.reward) == (1, 3, 1.0)
    described = Catalogue.read(tmp_path / "out" / "catalogue").embeddings
    assert described is not None
    assert sorted(described[0][described[0] > 0]) == [1, 1, 1, 3]  # constant, id, kind and size
    assert described[2].sum() == 2
    assert (described[0] * described[1]).sum() == 1  # the constant is all that they share


def test_features_of_who_asked_become_facts_by_what_they_hold(tmp_path):
    users = [
        {"User": {"tier": 3, "new": True, "tags": ["a", "b"], "at": [0.5, -1]}, "_old": 1},
        {"User": {"tier": "pro", "tags": "a"}, "User_tier": 7, "row": 2, "empty": ""},
    ]
    lines = [line(str(at), c={**user, "_multi": ACTIONS}) for at, user in enumerate(users)]
    _, rows = imported(tmp_path, lines)
    kinds = {fact.name: fact.kind for fact in read_schema(tmp_path / "out" / "catalogue").facts}
    assert kinds == {
        **{"User_tier": "category", "User_new": "category", "User_tags": "set"},
        **{"User_at": "vector", "User_tier_2": "number", "row_2": "number"},
    }
    first, second = (dict(row["facts"]["own"]) for row in rows)
    assert first["User_tags"]["names"] == ["a", "b"]
    assert first["User_at"]["numbers"] == [0.5, -1.0]
    assert second["User_tier"]["names"] == ["pro"]
    assert second["User_tier_2"]["numbers"] == [7.0]


def test_probabilities_are_those_of_the_choice_whatever_was_dropped(tmp_path):
    # The joiner writes p · (1 − pdrop) as the label's probability; dropping is no part of choosing.
    lines = [
        line("dropped", _label_probability=0.4, pdrop=0.5),
        line("other", _label_Action=3, _label_probability=0.1),
        line("ruled", p=[1.0, 0.0, 0.0], _label_probability=1.0, _label_cost=0),
    ]
    result, rows = imported(tmp_path, lines)
    assert [row["propensity"] for row in rows] == [0.8, 0.1, 1.0]
    assert [row["level"] for row in rows] == ["personalised"] * 2 + ["unpersonalised"]
    assert (result.drawn, result.reward) == (2, 2 / 3)
    assert "1 lines say that others were dropped" in result.doubts[0]


UNUSABLE = {
    "it holds no decision (no c), such as an outcome alone": {"c": None},
    "it was never shown (skipLearn)": {"_skipLearn": True},
    "it decides several slots (CCB or slates)": {"c": {"_multi": ACTIONS, "_slots": []}},
    "it has no actions (_multi), ranking (a) or probabilities (p)": {"p": None},
    "a and p do not rank the actions of _multi, each once": {"a": [2, 1, 1]},
    "_label_Action is no action": {"_label_Action": 4},
    "_label_probability is not that of p": {"_label_probability": 0.3},
    "_label_cost is no number": {"_label_cost": None},
    "Timestamp is no time": {"Timestamp": "soon"},
    "the probability of what was chosen is not above 0 and up to 1": {"p": [0, 0.5, 0.5]},
    "two actions have one name, or one has none; see --action": {
        "c": {"_multi": [ACTIONS[0], ACTIONS[0], ACTIONS[2]]}
    },
}


def test_lines_that_are_no_decision_are_set_aside_with_the_reason(tmp_path):
    wrong = [line(str(at), **other) for at, other in enumerate(UNUSABLE.values())]
    result, rows = imported(tmp_path, [line("one"), "no json", *wrong, line("one", _label_cost=0)])
    assert [row["reward"] for row in rows] == [1.0]
    assert result.set_aside == {
        **dict.fromkeys(UNUSABLE, 1),
        "it is no JSON": 1,
        "decision_id is that of an earlier row": 1,
    }
    assert (tmp_path / "out" / "examples" / SET_ASIDE).read_text().count("\n") == 14
    assert (result.lines, result.written, result.drawn, result.reward) == (14, 1, 1, 1.0)


def test_actions_and_members_are_named_by_what_is_asked_for(tmp_path):
    context = {
        "GUser": {"id": "rnc"},
        "_multi": [{"TAction": {"topic": "Herbs"}}, {"TAction": {"topic": "Snow"}}],
    }
    one = line("one", c=context, a=[1, 2], p=[0.2, 0.8], _label_Action=1, _label_probability=0.2)
    _, [row] = imported(tmp_path, [one], action="TAction.topic", profile="GUser.id")
    assert (row["action"], row["profile_id"]) == ("Herbs", "rnc")
    _, [row] = imported(tmp_path, [one], force=True)
    assert len(set(row["candidates"])) == 2
    with pytest.raises(BadInput, match="holds files already"):
        imported(tmp_path, [one])
    with pytest.raises(BadInput, match="none of 1 rows became a record"):
        imported(tmp_path, ["{}"], force=True)
    assert pq.read_table(tmp_path / "out" / "examples" / "part-0.parquet").num_rows == 1
