"""What training must know of a declared fact, summed over any number of rows in bounded memory."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from data.features.learnt_fact import (
    LearntFact,
    sound_categories,
    sound_names,
    sound_numbers,
    sound_vectors,
)
from data.own_facts import FactValues
from data.schema import Fact

VOCABULARY = 100
"""Names of a fact that have a column of their own, at most: those of most rows."""
FEW = 2
"""Rows that must have a name for it to have a column: what one artwork alone has says nothing of
any other."""
RARE = 1 / 200
"""Share of the rows in which a fact is known, that must have it: standardised, a rarer name would
weigh more than all else that is known of the few whose it is."""
COUNTED = 200_000
"""Names that are counted at once; the rarer half goes when there are more."""


@dataclass
class _Moments:
    """Count, mean and sum of squares about it (Chan, Golub, LeVeque 1979)."""

    count: int = 0
    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    squares: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def add(self, rows: Float[np.ndarray, "rows width"]) -> None:
        count = len(rows)
        mean = rows.mean(0)
        squares = ((rows - mean) ** 2).sum(0)
        if not self.count:
            self.count, self.mean, self.squares = count, mean, squares
            return
        both, gap = self.count + count, mean - self.mean
        self.squares = self.squares + squares + gap**2 * (self.count * count / both)
        self.mean = self.mean + gap * (count / both)
        self.count = both


class FactTally:
    """Sums over the values of one fact."""

    def __init__(self, fact: Fact) -> None:
        self.fact = fact
        self._names = Counter[str]()
        self._known = 0
        self._moments: dict[int, _Moments] = {}

    def add(self, values: FactValues) -> None:
        """Take some more rows."""
        self._known += int(values.there.sum())
        if self.fact.kind == "number":
            found, _ = sound_numbers(self.fact, values)
            self._add_numbers(found[~np.isnan(found)][:, None])
        elif self.fact.kind == "vector":
            self._add_numbers(sound_vectors(values, self._width())[0])
        elif self.fact.kind == "category":
            codes, distinct, _ = sound_categories(self.fact, values)
            self._add_names(codes[codes >= 0], distinct)
        else:
            self._add_names(sound_names(self.fact, values).code, values.distinct)

    def _width(self) -> int | None:
        return next(iter(self._moments), None)

    def _add_numbers(self, rows: Float[np.ndarray, "rows width"]) -> None:
        if len(rows):
            self._moments.setdefault(rows.shape[1], _Moments()).add(rows)

    def _add_names(self, codes: np.ndarray, distinct: list[str]) -> None:
        for name, count in zip(distinct, np.bincount(codes, minlength=len(distinct)), strict=True):
            if count:
                self._names[name] += int(count)
        if len(self._names) > COUNTED:
            self._names = Counter(dict(self._names.most_common(COUNTED // 2)))

    def learnt(self) -> LearntFact:
        """The fact, with what its rows told."""
        least = max(FEW, RARE * self._known)
        common = [name for name, count in self._names.items() if count >= least]
        often = sorted(common, key=lambda name: (-self._names[name], name))[:VOCABULARY]
        default = [0.0] if self.fact.kind == "number" else []
        if (width := self._width()) is None:
            return LearntFact(self.fact, tuple(sorted(often)), tuple(default), tuple(default))
        moments = self._moments[width]
        deviation = np.sqrt(moments.squares / moments.count)
        return LearntFact(
            self.fact, tuple(sorted(often)), tuple(moments.mean.tolist()), tuple(deviation.tolist())
        )
