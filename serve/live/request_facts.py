"""A request's facts on their way to the model's input: checked, as Arrow rows, and as logged."""

from collections.abc import Sequence

import orjson

from data.reading.facts_json import FactsJson, facts_array
from data.schema.request_facts import Declared, fold_request, fold_unheard
from data.schema.schema import SHIPPED

__all__ = ["RequestFacts", "facts_array", "facts_as_logged", "folded"]

RequestFacts = FactsJson
KNOWN = {fact.name: fact for fact in SHIPPED.facts}
NAMES = 2_000
"""Genres, people and whatever else a page's facts name, at most: a page of more holds up others."""


def folded(facts: RequestFacts, declared: Declared | None) -> tuple[RequestFacts, Sequence[str]]:
    """A request's facts as all readers have them, and names of declared ones that are odd.

    Args:
        facts: as JSON.
        declared: by the bundle; None: there is no bundle that could say, and any is taken.

    Raises:
        ValueError: there are facts that are neither shipped nor declared, or they name too much.
    """
    vectors = () if declared is None else declared.widths
    counted = (value for name, value in facts.items() if name not in vectors)
    names = sum(len(value) for value in counted if isinstance(value, dict | list))
    if names > NAMES:
        raise ValueError(f"facts name {names:,} things; send the {NAMES:,} that matter most")
    if "own" in facts and not facts["own"]:  # facts that were read from a file have the column
        facts = {name: value for name, value in facts.items() if name != "own"}
    unknown = facts.keys() - KNOWN.keys()
    if not unknown:
        return facts, ()
    if declared is None:
        return fold_unheard(facts, KNOWN), ()
    if strange := unknown - declared.facts.keys():
        known = sorted({*KNOWN, *declared.facts})
        raise ValueError(
            f"facts: unknown {sorted(strange)}; known are {known}: declare others in schema.yaml, "
            "and train"
        )
    return fold_request(facts, declared)


def facts_as_logged(facts: RequestFacts) -> orjson.Fragment:
    """Facts of a request as they are logged: as bytes once, not once a title.

    Raises:
        ValueError: they hold what JSON's readers do not take, such as a number of 30 digits.
    """
    try:
        return orjson.Fragment(orjson.dumps(facts))
    except orjson.JSONEncodeError as error:
        raise ValueError(f"facts cannot be logged: {error}") from None
