"""A request's facts on their way to the model's input: checked, as Arrow rows, and as logged."""

from collections.abc import Mapping, Sequence

import orjson
import pyarrow as pa

from data.records import FACTS

RequestFacts = Mapping[str, object]
"""Facts as JSON has them; maps are objects or lists of pairs."""
KNOWN = frozenset(field.name for field in FACTS)
MAPS = ("watched_genres", "watched_cast")


def refuse_unknown(facts: RequestFacts) -> None:
    """See to it that the schema has all these facts.

    Raises:
        ValueError: it has not.
    """
    unknown = facts.keys() - KNOWN
    if unknown:
        raise ValueError(f"facts: unknown {sorted(unknown)}; known are {sorted(KNOWN)}")


def facts_as_logged(facts: RequestFacts) -> orjson.Fragment:
    """Facts of a request as they are logged: as bytes once, not once a title."""
    return orjson.Fragment(orjson.dumps(facts))


def facts_array(facts: Sequence[RequestFacts]) -> pa.StructArray:
    """Facts of requests as Arrow rows.

    Raises:
        ValueError: a value of the wrong type.
    """
    rows = []
    for each in facts:
        row = dict(each)
        for name in MAPS:
            if isinstance(pairs := row.get(name), dict):
                row[name] = list(pairs.items())
        rows.append(row)
    try:
        return pa.array(rows, FACTS)
    except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
        raise ValueError(f"facts do not fit the schema: {error}") from None
