"""Which numbers of a member's features each fact became, so that what it did can be told."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np

from data.features.bags import CAST_KEPT, name_number
from data.features.columns import CATEGORIES, POSITION_BUCKETS, POSITIONS
from data.features.features import ContextFeatures
from data.features.specification import FeatureSpec

Held = Mapping[str, Sequence]
"""What a declared fact holds: names, and numbers."""


class FactPart(NamedTuple):
    """A fact, or one name of it, and where it is in a row of `ContextFeatures`."""

    fact: str
    value: str
    """In words; empty: the fact as a whole."""
    columns: tuple[int, ...]
    """Of `dense`."""
    slots: tuple[int, ...]
    """Of `cast_ids` and `cast_weights`."""


def fact_parts(
    spec: FeatureSpec, features: ContextFeatures, facts: Mapping[str, object]
) -> list[FactPart]:
    """What is known of a member, each part once; together they are every number of the features.

    A fact of several names is told name by name, and how much there is of it apart: shares of what
    somebody watched add up to one, so that one genre less is not the same as the others being more.

    Args:
        spec: that the features were made by.
        features: one row.
        facts: that row, as `FACTS` has it in Python.
    """
    own = dict(cast("Mapping[str, Held]", facts.get("own") or {}))
    parts, at = list[FactPart](), 0

    def take(width: int) -> range:
        nonlocal at
        at += width
        return range(at - width, at)

    for name in (*CATEGORIES, *POSITIONS):
        width = len(spec.categories[name]) + 2 if name in CATEGORIES else POSITION_BUCKETS + 1
        parts.append(FactPart(name, _plain(facts.get(name)), tuple(take(width)), ()))
    tenure = facts.get("tenure_days")
    days = f"{tenure:.0f}" if isinstance(tenure, int | float) else ""
    parts.append(FactPart("tenure_days", days, tuple(take(2)), ()))
    parts += [
        FactPart("watched_genres", name, (column,), ())
        for name, column in zip(
            (*spec.genres, "others", ""), take(len(spec.genres) + 2), strict=True
        )
    ]
    parts += _named("watched_cast", facts.get("watched_cast"), features, 0, spec.exact_names, "")
    slot = CAST_KEPT
    for one in spec.declared.facts:
        held = own.get(one.name) or {}
        parts.append(FactPart(one.name, _held(held), tuple(take(one.width)), ()))
        if one.fact.match is not None:
            pairs = zip(held.get("names") or (), held.get("numbers") or (), strict=False)
            mark = f"{one.fact.match}\0"
            parts += _named(one.name, list(pairs), features, slot, spec.exact_names, mark)
            slot += CAST_KEPT
    return parts


def _named(
    fact: str, pairs: object, features: ContextFeatures, start: int, exact: bool, mark: str
) -> Iterator[FactPart]:
    """Names of a bag; those of equal numbers go by the first."""
    names = dict[int, str]()
    for name, _ in pairs.items() if isinstance(pairs, dict) else pairs or ():  # pyright: ignore
        names.setdefault(name_number(mark + name, exact), name)
    for slot in range(start, start + CAST_KEPT):
        number = int(features.cast_ids[0, slot])
        if number:
            yield FactPart(fact, names.get(number, "others"), (), (slot,))


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _held(held: Held) -> str:
    """What a declared fact holds, in a few words."""
    names, numbers = held.get("names") or (), held.get("numbers") or ()
    return ", ".join(map(str, names[:3])) or ", ".join(f"{number:g}" for number in numbers[:3])


def differing(
    parts: list[FactPart], known: ContextFeatures, unknown: ContextFeatures
) -> list[FactPart]:
    """The parts of which a row says something else than one of which nothing is known."""
    dense = known.dense[0] != unknown.dense[0]
    cast = (known.cast_weights[0] != 0) & (known.cast_ids[0] != 0)
    return [
        part
        for part in parts
        if dense[np.array(part.columns, int)].any() or cast[np.array(part.slots, int)].any()
    ]
