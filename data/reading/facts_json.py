"""Facts as JSON has them, as Arrow rows: the same for a request and for what is logged of it."""

from collections.abc import Mapping, Sequence
from typing import cast

import pyarrow as pa

from data.records import FACTS

FactsJson = Mapping[str, object]
"""Facts by name; maps are objects, or lists of pairs: `["drama", 2]`, `{"key": …, "value": …}`."""
MAPS = ("watched_genres", "watched_cast", "own")


def facts_array(facts: Sequence[FactsJson | None]) -> pa.StructArray:
    """Facts as Arrow rows, as FACTS; what the schema does not have is left out.

    Raises:
        ValueError: a value of the wrong type.
    """
    try:
        return cast("pa.StructArray", pa.array([_row(each) for each in facts], FACTS))
    except (pa.ArrowException, TypeError, OverflowError, ValueError, AttributeError) as error:
        raise ValueError(f"facts do not fit the schema: {error}") from None


def _row(facts: FactsJson | None) -> dict[str, object] | None:
    if facts is None:
        return None
    row = dict(facts)
    for name in MAPS:
        pairs = row.get(name)
        if isinstance(pairs, Mapping):
            row[name] = list(pairs.items())
        elif isinstance(pairs, list):
            row[name] = [_pair(pair) for pair in pairs]
    return row


def _pair(pair: object) -> tuple[object, object]:
    if isinstance(pair, Mapping) and pair.keys() == {"key", "value"}:
        return pair["key"], pair["value"]
    if isinstance(pair, list | tuple) and len(pair) == 2:
        return pair[0], pair[1]
    raise ValueError(f"{pair!r:.80} is no pair of a name and a count")
