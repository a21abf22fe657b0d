"""What is known of members beside what Marquee comes with, in words."""

from data.reading.facts_json import facts_array
from data.schema import Fact, Schema
from data.schema.request_facts import fold_unheard
from evaluate.report.own_words import own_words

SCHEMA = Schema(
    facts=(
        Fact("birth_year", "number"),
        Fact("plan", "category"),
        Fact("likes", "set"),
        Fact("read", "counts"),
        Fact("taste", "vector"),
    )
)


def test_facts_are_said_as_far_as_they_are_known():
    known = {
        **{"birth_year": 1978, "plan": "family", "likes": ["sea", "noir"]},
        **{"read": {"war": 1, "love": 5}, "taste": [0.5, 1]},
    }
    facts = facts_array([fold_unheard(each, {}) for each in (known, {}, {"plan": 7})])
    assert own_words(facts, SCHEMA) == [
        ["birth year 1978", "plan family", "likes sea, noir", "read love, war"],
        [],
        ["plan 7"],
    ]
