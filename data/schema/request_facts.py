"""Declared facts as a request has them, JSON, in the form in which all facts of a user's own lie.

What a fact of its kind cannot be is not known, and named, so that it can be counted.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data.own_facts import FactValues
from data.schema.fact import Fact
from data.sound import MOST_COUNT

MOST = 1e15
WIDEST = 4096
NAMES, NUMBERS = "names", "numbers"
FoldedValue = dict[str, list]
"""Its names, its numbers, or both."""


class Folded(dict[str, FoldedValue]):
    """Fact → value, of values that are sound and of facts that are declared."""


class Declared(NamedTuple):
    """What requests may say beside the facts that Marquee comes with."""

    facts: Mapping[str, Fact]
    """By name."""
    widths: Mapping[str, int]
    """Of vectors, by name."""


def fold_request(
    facts: Mapping[str, object], declared: Declared
) -> tuple[dict[str, object], list[str]]:
    """A request's facts with the declared ones in `own`, and the names of those that are odd.

    Args:
        facts: as JSON; each is shipped or declared.
        declared: facts.
    """
    own, odd = Folded(), list[str]()
    rest = {name: value for name, value in facts.items() if name not in declared.facts}
    for name, fact in declared.facts.items():
        value = facts.get(name)
        if value is None:
            continue
        folded = FOLDS[fact.kind](value)
        if folded is None or not _fits(fact, folded, declared.widths):
            odd.append(name)
        else:
            own[name] = folded
    if own:
        rest["own"] = own
    return rest, odd


def fold_unheard(facts: Mapping[str, object], known: Mapping[str, object]) -> dict[str, object]:
    """The same where no schema says what facts are: by their content; what is odd is left out."""
    own = Folded()
    for name, value in facts.items():
        if name not in known:
            kinds = (fold(value) for fold in FOLDS.values())
            if (folded := next((one for one in kinds if one is not None), None)) is not None:
                own[name] = folded
    rest = {name: value for name, value in facts.items() if name in known}
    return rest | ({"own": own} if own else {})


def json_values(facts: Sequence[Mapping[str, object]], name: str) -> FactValues:
    """One fact's values of some requests; what `data.own_facts.fact_values` gives of them."""
    there = np.zeros(len(facts), bool)
    name_rows, names, number_rows, numbers = list[int](), list[str](), list[int](), list[float]()
    for row, each in enumerate(facts):
        own = each.get("own")
        value = own.get(name) if isinstance(own, Folded) else None
        if value is None:
            continue
        there[row] = True
        names += value.get(NAMES, ())
        name_rows += [row] * (len(names) - len(name_rows))
        numbers += value.get(NUMBERS, ())
        number_rows += [row] * (len(numbers) - len(number_rows))
    place = {name: at for at, name in enumerate(dict.fromkeys(names))}
    codes = np.array([place[name] for name in names], np.int64)
    at = np.array(name_rows, np.int64), np.array(number_rows, np.int64)
    return FactValues(there, at[0], codes, list(place), at[1], np.array(numbers, np.float64))


def _fits(fact: Fact, value: FoldedValue, widths: Mapping[str, int]) -> bool:
    """Whether numbers are as many as they were in training, and such that the scale has them."""
    if fact.kind == "vector":
        return len(value[NUMBERS]) == widths.get(fact.name, len(value[NUMBERS]))
    return fact.scale not in ("log", "steps") or min(value[NUMBERS]) >= 0


def _number(value: object) -> FoldedValue | None:
    return None if (number := _finite(value)) is None else {NUMBERS: [number]}


def _category(value: object) -> FoldedValue | None:
    if isinstance(value, int) and abs(value) <= MOST:
        return {NAMES: [str(int(value))]}
    return {NAMES: [value]} if _name(value) else None


def _set(value: object) -> FoldedValue | None:
    if not isinstance(value, list) or not all(_name(one) for one in value):
        return None
    return {NAMES: list(value)}


def _counts(value: object) -> FoldedValue | None:
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        return None
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        return None
    counts = [_finite(count) for _, count in pairs]
    sound = [count is not None and 0 <= count <= MOST_COUNT for count in counts]
    if not all(sound) or not all(_name(name) for name, _ in pairs):
        return None
    return {NAMES: [name for name, _ in pairs], NUMBERS: counts}


def _vector(value: object) -> FoldedValue | None:
    if not isinstance(value, list) or not 0 < len(value) <= WIDEST:
        return None
    numbers = [_finite(one) for one in value]
    return None if None in numbers else {NUMBERS: numbers}


def _finite(value: object) -> float | None:
    if isinstance(value, int | float) and abs(value) <= MOST:  # NaN is not
        return float(value)
    return None


def _name(value: object) -> bool:
    """Whether a value is a text that can be stored, and compared by NumPy."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


FOLDS: dict[str, Callable[[object], FoldedValue | None]] = {
    "number": _number,
    "category": _category,
    "set": _set,
    "counts": _counts,
    "vector": _vector,
}
