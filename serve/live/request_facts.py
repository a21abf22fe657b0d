"""A request's facts on their way to the model's input: checked, as Arrow rows, and as logged."""

from collections.abc import Collection, Sequence

import orjson

from data.reading.facts_json import FactsJson, facts_array
from data.schema import Schema
from data.schema.request_facts import Declared, Folded, fold_request, fold_unheard
from data.schema.schema import SHIPPED

__all__ = ["RequestFacts", "facts_array", "facts_as_logged", "folded", "folded_of_page"]

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
    _refuse_many(facts, () if declared is None else declared.widths)
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


def folded_of_page(facts: RequestFacts, schema: Schema) -> tuple[Folded, Sequence[str]]:
    """What an impression says that its page knew, in the form of logs, and names of odd facts.

    Args:
        facts: as JSON.
        schema: of the catalogue.

    Raises:
        ValueError: there are facts that no schema says a page alone knows, or they name too much.
    """
    of_pages = {fact.name: fact for fact in schema.facts if fact.known_at == "request"}
    _refuse_many(facts, [name for name, fact in of_pages.items() if fact.kind == "vector"])
    if strange := facts.keys() - of_pages.keys():
        raise ValueError(
            f"facts: an impression does not tell {sorted(strange)}; it tells {sorted(of_pages)}, "
            "which schema.yaml declares with known_at: request, and device, surface, row and "
            "column as fields of its own"
        )
    rest, odd = fold_request(facts, Declared(of_pages, {}))
    own = rest.get("own")
    return own if isinstance(own, Folded) else Folded(), odd


def _refuse_many(facts: RequestFacts, vectors: Collection[str]) -> None:
    """Refuse facts that name more than a page should; numbers of vectors are no names."""
    counted = (value for name, value in facts.items() if name not in vectors)
    names = sum(len(value) for value in counted if isinstance(value, dict | list))
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
