"""Features of who asked, in dsjson's words, as facts of a user's own: each by its path."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from data.schema import Fact, Schema
from data.schema.fact import Kind
from data.schema.schema import MOST_FACTS, TAKEN
from data.sound import MOST_COUNT

FoldedValue = dict[str, list]
"""Its names, its numbers, or both, as OWN has them."""
LONGEST_NAME = 60


class SharedFacts:
    """Facts of all lines so far: what they are called, and what kinds of values they had."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._kinds: dict[str, Counter[str]] = {}

    def add(self, features: Mapping[str, object]) -> list[tuple[str, FoldedValue]]:
        """A line's features as `own` of its facts.

        Args:
            features: of the context, nested; what begins with `_` is none.
        """
        found: dict[str, FoldedValue] = {}
        for path, value in _leaves(features):
            kind, folded = _folded(value)
            name = self._name(path)
            self._kinds.setdefault(name, Counter())[kind] += 1
            found[name] = folded
        return list(found.items())

    def schema(self) -> tuple[Schema, list[str]]:
        """What the facts are, those that most lines have; and the names of those left out."""
        often = sorted(self._kinds, key=lambda name: -self._kinds[name].total())
        kept = set(often[:MOST_FACTS])
        facts = tuple(
            Fact(name, _kind(kinds)) for name, kinds in self._kinds.items() if name in kept
        )
        return Schema(facts), often[MOST_FACTS:]

    def _name(self, path: str) -> str:
        """A fact's name for a path, always the same one, and no other path's."""
        if path not in self._names:
            plain = re.sub(r"\W+", "_", path, flags=re.ASCII).strip("_")[:LONGEST_NAME] or "fact"
            plain = plain if plain[0].isalpha() else f"f_{plain}"
            taken = {*self._names.values(), *TAKEN["facts"]}
            again = 1
            while (name := plain if again == 1 else f"{plain}_{again}") in taken:
                again += 1
            self._names[path] = name
        return self._names[path]


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Paths and values that hold no further names; of lists of objects, those of all of them."""
    if isinstance(value, Mapping):
        for name, held in value.items():
            if not name.startswith("_"):
                yield from _leaves(held, f"{path}.{name}".strip("."))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for one in value:
            yield from _leaves(one, path)
    elif _is_said(value):
        yield path, value


def _is_said(value: object) -> bool:
    """Whether something is said by a value."""
    number = isinstance(value, int | float) and bool(np.isfinite(value))
    return number or (isinstance(value, bool | str | list) and value not in ("", []))


def _folded(value: object) -> tuple[str, FoldedValue]:
    """Kind of a value, and the value as OWN has it."""
    if isinstance(value, bool):
        return "category", {"names": [str(value).lower()], "numbers": []}
    if isinstance(value, str):
        return "category", {"names": [value.replace("\0", "")], "numbers": []}
    if isinstance(value, list):
        if all(_is_number(one) for one in value):
            return "vector", {"names": [], "numbers": [float(one) for one in value]}
        return "set", {"names": [str(one).replace("\0", "") for one in value], "numbers": []}
    return "number", {"names": [], "numbers": [float(value)]}  # pyright: ignore[reportArgumentType]


def _is_number(value: object) -> bool:
    usual = isinstance(value, int | float) and not isinstance(value, bool)
    return usual and bool(np.isfinite(value)) and abs(value) <= MOST_COUNT  # pyright: ignore


def _kind(kinds: Counter[str]) -> Kind:
    """The kind that holds all values, or the commonest where none does."""
    seen = set(kinds)
    if seen == {"number", "category"}:
        return "category"  # a whole number stands for its digits
    if seen == {"category", "set"}:
        return "set"  # one name is a set of one
    [(most, _)] = kinds.most_common(1)
    known: dict[str, Kind] = {
        "number": "number",
        "category": "category",
        "set": "set",
        "vector": "vector",
    }
    return known[most]
