"""A declared fact as training learnt it, and the columns of numbers that its values become.

Any value has finite ones: what a fact of its kind cannot be is not known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from data.own_facts import FactValues
from data.schema import Fact
from data.schema.fact import STEPS
from data.sound import MOST_COUNT

MOST = 1e15
"""Of a number, either side of 0: beyond it float64 has no halves."""
WIDEST = 4096
"""Numbers of a vector, at most."""
FAR = 10.0
"""Deviations from the mean: what is further counts as so far."""


class FactColumns(NamedTuple):
    """What rows say of a fact."""

    columns: Float[np.ndarray, "rows columns"]
    odd: Bool[np.ndarray, " rows"]
    """Where there is a value and it, or a part of it, is taken for not known."""


@dataclass(frozen=True)
class LearntFact:
    """A fact with its vocabulary, or with mean and deviation of its numbers."""

    fact: Fact
    values: tuple[str, ...] = ()
    """Names that were seen, sorted."""
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Of the fact."""
        return self.fact.name

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        if self.fact.kind == "number":
            return STEPS + 1 if self.fact.scale == "steps" else 2
        return len(self.mean) + 1 if self.fact.kind == "vector" else len(self.values) + 2

    def read(self, values: FactValues) -> FactColumns:
        """The fact's columns for some rows; the last of them says what is not known.

        But for counts, whose last column is the log of their total.
        """
        return READERS[self.fact.kind](self, values)


def sound_numbers(
    fact: Fact, values: FactValues
) -> tuple[Float[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
    """A number a row on the fact's scale, NaN where it is not known; rows that are odd."""
    names, numbers = values.counts
    found = np.full(len(values.there), np.nan)
    found[values.number_rows] = values.numbers
    sound = (numbers == 1) & (names == 0) & (np.abs(found) <= MOST)
    if fact.scale in ("log", "steps"):
        sound &= found >= 0
    odd = values.there & ~sound
    filled = np.where(sound, found, np.nan if fact.missing is None else fact.missing)
    if fact.scale == "log":
        filled = np.log1p(np.maximum(filled, 0))
    return filled, odd


def sound_categories(
    fact: Fact, values: FactValues
) -> tuple[Int[np.ndarray, " rows"], list[str], Bool[np.ndarray, " rows"]]:
    """A place in some names for each row, −1 where it is not known; the names; rows that are odd.

    A whole number stands for its digits.
    """
    names, numbers = values.counts
    distinct = list(values.distinct)
    found = np.full(len(values.there), -1)
    found[values.name_rows] = values.codes
    found[(names != 1) | (numbers > 0)] = -1
    held = np.where(np.abs(values.numbers) <= MOST, values.numbers, 0.5)
    at = ((numbers == 1) & (names == 0))[values.number_rows] & (held % 1 == 0)
    if at.any():
        digits, place = np.unique(held[at].astype(np.int64), return_inverse=True)
        found[values.number_rows[at]] = len(distinct) + place
        distinct += [str(number) for number in digits.tolist()]
    odd = values.there & (found < 0)
    if fact.missing is not None:
        found[found < 0] = len(distinct)
        distinct.append(str(fact.missing))
    return found, distinct, odd


class SoundNames(NamedTuple):
    """Names with counts, each of a row once."""

    row: Int[np.ndarray, " names"]
    code: Int[np.ndarray, " names"]
    counts: Float[np.ndarray, " names"]
    known: Bool[np.ndarray, " rows"]
    odd: Bool[np.ndarray, " rows"]


def sound_names(fact: Fact, values: FactValues) -> SoundNames:
    """The names of sets, which count one each, or of counts; those of a row twice are summed."""
    names, numbers = values.counts
    good = numbers == 0
    if fact.kind == "counts":
        good |= numbers == names
    row, code = values.name_rows, values.codes
    counts = np.ones(len(row))
    paired = (numbers == names)[row] & (numbers > 0)[row]
    if fact.kind == "counts":
        counts[paired] = values.numbers[(numbers == names)[values.number_rows]]
    sound = good[row] & (code >= 0) & (counts >= 0) & (counts <= MOST_COUNT)
    odd = values.there & ~good
    odd[row[~sound]] = True
    pairs, place = np.unique(
        row[sound] * max(1, len(values.distinct)) + code[sound], return_inverse=True
    )
    summed = np.bincount(place, counts[sound], len(pairs))
    if fact.kind == "set":
        summed = np.minimum(summed, 1.0)
    row, code = np.divmod(pairs, max(1, len(values.distinct)))
    return SoundNames(row, code, summed, values.there & good, odd)


def sound_vectors(
    values: FactValues, width: int | None
) -> tuple[Float[np.ndarray, "sound width"], Int[np.ndarray, " sound"], Bool[np.ndarray, " rows"]]:
    """Vectors of a width, the rows that have them, and rows that are odd; any one width if None."""
    names, numbers = values.counts
    fine = np.bincount(
        values.number_rows, np.abs(values.numbers) <= MOST, minlength=len(values.there)
    )
    sound = values.there & (names == 0) & (numbers > 0) & (numbers <= WIDEST) & (fine == numbers)
    if width is None:
        width = int(np.bincount(numbers[sound]).argmax()) if sound.any() else 0
    sound &= numbers == width
    flat = values.numbers[sound[values.number_rows]]
    return flat.reshape(int(sound.sum()), width), np.flatnonzero(sound), values.there & ~sound


def odd_rows(fact: Fact, values: FactValues) -> Bool[np.ndarray, " rows"]:
    """Rows whose value, or a part of it, no fact of this kind has; vectors are of any one width."""
    if fact.kind == "number":
        return sound_numbers(fact, values)[1]
    if fact.kind == "category":
        return sound_categories(fact, values)[2]
    return (
        sound_vectors(values, None)[2] if fact.kind == "vector" else sound_names(fact, values).odd
    )


def scaled(
    numbers: Float[np.ndarray, "rows width"], learnt: LearntFact
) -> Float[np.ndarray, "rows width"]:
    """By mean and deviation, at most FAR; 0 where training saw only one number."""
    if learnt.fact.scale == "none":
        return np.clip(numbers, -1e9, 1e9)
    mean, deviation = np.array(learnt.mean), np.array(learnt.deviation)
    varied = deviation > 1e-9 * np.maximum(np.abs(mean), 1e-30)
    return np.clip((numbers - mean) / np.where(varied, deviation, np.inf), -FAR, FAR)


def _number(learnt: LearntFact, values: FactValues) -> FactColumns:
    found, odd = sound_numbers(learnt.fact, values)
    unknown = np.isnan(found)
    if learnt.fact.scale == "steps":
        slots = np.where(unknown, STEPS, np.minimum(np.nan_to_num(found), STEPS - 1))
        return FactColumns(np.eye(STEPS + 1, dtype=np.float32)[slots.astype(np.int64)], odd)
    columns = np.stack([np.nan_to_num(scaled(found[:, None], learnt)[:, 0]), unknown], 1)
    return FactColumns(columns.astype(np.float32), odd)


def _category(learnt: LearntFact, values: FactValues) -> FactColumns:
    found, distinct, odd = sound_categories(learnt.fact, values)
    slots = np.append(_slots(learnt, distinct), len(learnt.values) + 1)[found]
    return FactColumns(np.eye(len(learnt.values) + 2, dtype=np.float32)[slots], odd)


def _set(learnt: LearntFact, values: FactValues) -> FactColumns:
    names = sound_names(learnt.fact, values)
    columns = _shares(learnt, names, values.distinct)
    return FactColumns(
        np.concatenate([columns, ~names.known[:, None]], 1).astype(np.float32), names.odd
    )


def _counts(learnt: LearntFact, values: FactValues) -> FactColumns:
    names = sound_names(learnt.fact, values)
    total = np.bincount(names.row, names.counts, len(values.there))
    columns = [_shares(learnt, names, values.distinct), np.log1p(total)[:, None]]
    return FactColumns(np.concatenate(columns, 1).astype(np.float32), names.odd)


def _vector(learnt: LearntFact, values: FactValues) -> FactColumns:
    width = len(learnt.mean)
    found, rows, odd = sound_vectors(values, width)
    columns = np.zeros((len(values.there), width + 1), np.float32)
    columns[:, -1] = 1
    columns[rows, :-1] = scaled(found, learnt)
    columns[rows, -1] = 0
    return FactColumns(columns, odd)


def _slots(learnt: LearntFact, distinct: list[str]) -> Int[np.ndarray, " distinct"]:
    """The place of each name in the vocabulary; after it where it is not in it."""
    place = {name: at for at, name in enumerate(learnt.values)}
    return np.array([place.get(name, len(place)) for name in distinct], np.int64)


def _shares(
    learnt: LearntFact, names: SoundNames, distinct: list[str]
) -> Float[np.ndarray, "rows names"]:
    """What share of a row each name of the vocabulary has, and last all others together."""
    out = np.zeros((len(names.known), len(learnt.values) + 1))
    np.add.at(out, (names.row, _slots(learnt, distinct)[names.code]), names.counts)
    return out / np.maximum(out.sum(1, keepdims=True), 1e-9)


READERS: dict[str, Callable[[LearntFact, FactValues], FactColumns]] = {
    "number": _number,
    "category": _category,
    "set": _set,
    "counts": _counts,
    "vector": _vector,
}
