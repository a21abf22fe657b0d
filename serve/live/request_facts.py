"""A request's facts on their way to the model's input: checked, as Arrow rows, and as logged."""

import orjson

from data.reading.facts_json import FactsJson, facts_array
from data.records import FACTS

__all__ = ["RequestFacts", "facts_array", "facts_as_logged", "refuse_odd"]

RequestFacts = FactsJson
KNOWN = frozenset(field.name for field in FACTS)
NAMES = 2_000
"""Genres, people and whatever else a page's facts name, at most: a page of more holds up others."""


def refuse_odd(facts: RequestFacts) -> None:
    """See to it that the schema has all these facts, and that they are not too many.

    Raises:
        ValueError: it has not, or they are.
    """
    unknown = facts.keys() - KNOWN
    if unknown:
        raise ValueError(f"facts: unknown {sorted(unknown)}; known are {sorted(KNOWN)}")
    names = sum(len(value) for value in facts.values() if isinstance(value, dict | list))
    if names > NAMES:
        raise ValueError(f"facts name {names:,} things; send the {NAMES:,} that matter most")


def facts_as_logged(facts: RequestFacts) -> orjson.Fragment:
    """Facts of a request as they are logged: as bytes once, not once a title.

    Raises:
        ValueError: they hold what JSON's readers do not take, such as a number of 30 digits.
    """
    try:
        return orjson.Fragment(orjson.dumps(facts))
    except orjson.JSONEncodeError as error:
        raise ValueError(f"facts cannot be logged: {error}") from None
