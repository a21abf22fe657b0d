"""Facts as JSON straight to features: a specification compiled for the few rows of a page.

`data.features.context_features` defines the numbers; what is computed here is equal to it bit for
bit, at a tenth of the cost where rows are few. Only facts that are plain are taken: of the types
that JSON has for them, sound, and exact in the schema's types. What is odd goes through Arrow,
which says what is wrong with it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data.features import (
    CAST_KEPT,
    CATEGORIES,
    POSITION_BUCKETS,
    POSITIONS,
    ContextFeatures,
    FeatureSpec,
    even_weights,
    genre_shares,
    name_number,
    tenure_columns,
    with_declared,
)
from data.reading.facts_json import FactsJson
from data.schema.request_facts import Folded, json_values
from data.sound import MOST_COUNT, MOST_DAYS

EXACT = 1 << 24
"""Whole numbers up to it are exact as float32; Arrow refuses larger ones."""
MOST_POSITION = (1 << 15) - 1
ZERO = np.float32(0)
NAMES_KEPT = 100_000
"""Cast members whose numbers a plan remembers."""

Pairs = list[tuple[str, float]]


class _Odd(Exception):
    """A fact that is not plain."""


class _Choice(NamedTuple):
    """Where a category's columns begin, and which of them a value is."""

    name: str
    start: int
    slots: Mapping[str, int]


class FeaturePlan:
    """Where each fact goes in the features of a specification.

    Args:
        spec: of the bundle.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self.spec = spec
        self._choices: list[_Choice] = []
        at = 0
        for name in CATEGORIES:
            self._choices.append(_Choice(name, at, _slots(spec.categories[name])))
            at += len(spec.categories[name]) + 2
        self._positions = [
            (name, at + index * (POSITION_BUCKETS + 1)) for index, name in enumerate(POSITIONS)
        ]
        self._tenure = at + len(POSITIONS) * (POSITION_BUCKETS + 1)
        self._watched = self._tenure + 2
        self._genres = _slots(spec.genres)
        self._width = self._watched + len(spec.genres) + 2
        self._missing = [
            choice.start + len(spec.categories[choice.name]) + 1 for choice in self._choices
        ]
        self._numbers: dict[str, int] = {}
        names = (name.partition(".") for name in spec.declared.off)
        self._off = frozenset(name for section, _, name in names if section == "facts")

    def features(self, facts: Sequence[FactsJson]) -> ContextFeatures | None:
        """What `context_features` gives for these facts; None where some are not plain."""
        if self._off:
            facts = [{k: v for k, v in each.items() if k not in self._off} for each in facts]
        dense = np.zeros((len(facts), self._width), np.float32)
        watched = np.zeros((len(facts), len(self.spec.genres) + 2), np.float32)
        tenure, hot, cast = list[float](), list[int](), list[Pairs]()
        try:
            for row, each in enumerate(facts):
                if not isinstance(each.get("own"), Folded | None):
                    raise _Odd
                start = row * self._width
                hot += [start + at for at in self._hot(each)]
                tenure.append(_number(each.get("tenure_days"), MOST_DAYS))
                if pairs := _pairs(each.get("watched_genres")):
                    self._put_genres(pairs, watched[row])
                cast.append(_pairs(each.get("watched_cast")))
        except _Odd:
            return None
        dense.ravel()[hot] = 1
        ids, weights = self._bags(cast)
        spec = self.spec
        days = tenure_columns(np.array(tenure), spec.tenure_mean, spec.tenure_sd)
        dense[:, self._tenure : self._watched] = days
        dense[:, self._watched :] = genre_shares(watched)
        features = ContextFeatures(dense, ids, even_weights(weights))
        if not self.spec.declared.facts:
            return features
        return with_declared(self.spec, features, lambda name: json_values(facts, name))

    def _hot(self, facts: FactsJson) -> list[int]:
        """The columns of categories and positions that are 1."""
        hot = []
        for choice, missing in zip(self._choices, self._missing, strict=True):
            value = facts.get(choice.name)
            if value is None:
                hot.append(missing)
                continue
            if not isinstance(value, str):
                raise _Odd
            slot = choice.slots.get(value)
            if slot is None:
                slot = len(self.spec.categories[choice.name])
                _encoded(value)
            hot.append(choice.start + slot)
        for name, start in self._positions:
            value = facts.get(name)
            if value is None:
                hot.append(start + POSITION_BUCKETS)
            elif type(value) is int and 0 <= value <= MOST_POSITION:
                hot.append(start + min(value, POSITION_BUCKETS - 1))
            else:
                raise _Odd
        return hot

    def _put_genres(self, pairs: Pairs, watched: np.ndarray) -> None:
        """Counts by genre, summed as float32."""
        counts = dict[int, np.float32]()
        for name, count in pairs:
            slot = self._genres.get(name, len(self._genres))
            counts[slot] = counts.get(slot, ZERO) + np.float32(count)
        watched[list(counts)] = list(counts.values())

    def _bags(self, cast: Sequence[Pairs]) -> tuple[np.ndarray, np.ndarray]:
        """The heaviest names of each row, by count as float32 and then by name."""
        ids, weights = list[list[int]](), list[list[float]]()
        for pairs in cast:
            kept = sorted((-count, name) for name, count in pairs)[:CAST_KEPT]
            rest = CAST_KEPT - len(kept)
            ids.append([self._number_of(name) for _, name in kept] + [0] * rest)
            weights.append([-count for count, _ in kept] + [0.0] * rest)
        shape = len(cast), CAST_KEPT
        return (
            np.array(ids, np.int64).reshape(shape),
            np.array(weights, np.float32).reshape(shape),
        )

    def _number_of(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            if len(self._numbers) >= NAMES_KEPT:
                self._numbers.clear()
            number = self._numbers[name] = name_number(name, self.spec.exact_names)
        return number


def _slots(vocabulary: list[str]) -> dict[str, int]:
    """Value → its first place, as Arrow looks it up."""
    return {value: at for at, value in reversed(list(enumerate(vocabulary)))}


def _encoded(name: str) -> None:
    """See to it that a text can be stored."""
    if name.isascii():
        return
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _Odd from None


def _number(value: object, most: float) -> float:
    """A number rounded to float32; NaN where there is none."""
    if value is None:
        return np.nan
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Odd
    if not 0 <= value <= most or (isinstance(value, int) and value > EXACT):
        raise _Odd
    return float(np.float32(value))


def _pairs(facts: object) -> Pairs:
    """Names and counts of a map, which may be an object or a list of pairs."""
    if facts is None:
        return []
    if isinstance(facts, dict):
        return [_plain(name, count) for name, count in facts.items()]
    if isinstance(facts, list):
        return [_plain(*_pair(pair)) for pair in facts]
    raise _Odd


def _plain(name: object, count: object) -> tuple[str, float]:
    # NumPy, by which Arrow's rows are sorted, ends a text at a NUL.
    if not isinstance(name, str) or "\0" in name or count is None:
        raise _Odd
    _encoded(name)
    return name, _number(count, MOST_COUNT)


def _pair(pair: object) -> tuple[object, object]:
    if isinstance(pair, list) and len(pair) == 2:
        return pair[0], pair[1]
    if isinstance(pair, dict) and pair.keys() == {"key", "value"}:
        return pair["key"], pair["value"]
    raise _Odd
