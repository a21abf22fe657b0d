"""What a log has of some titles: draws, and what they earned, counted by artwork in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from jaxtyping import Float, Int, Shaped

from data.reading.conformed_files import conformed_dataset
from data.records import EXAMPLES, TitleId
from data.schema_cast import parquet_files
from evaluate.ope.fraction_intervals import Matched

COLUMNS = ("title_id", "profile_id", "action", "propensity", "reward", "time")
DAYS_SHOWN, TRENDS_SHOWN = 60, 12
"""The last days of a log, and the artworks drawn most in them."""


class Earned(NamedTuple):
    """What draws of one artwork came to."""

    draws: int
    reward: float
    """Of a draw, weighted by how likely each draw was; 0 where there is none."""
    low: float | None
    high: float | None
    """95% interval of it, where it is a fraction."""


NOTHING = Earned(0, 0.0, None, None)


@dataclass(frozen=True)
class ArtworkDay:
    """One artwork on one day of the log."""

    artwork_id: str
    day: str
    draws: int
    reward: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Logged:
    """Draws of some titles that a log has, each with a known probability."""

    rows: pa.Table

    @classmethod
    def read(cls, examples: Path | None, titles: Sequence[TitleId]) -> "Logged":
        """Those of joined examples; nothing where there are none."""
        empty = pa.table({name: pa.array([], EXAMPLES.field(name).type) for name in COLUMNS})
        files = parquet_files(examples) if examples is not None else []
        if not files or not titles:
            return cls(empty)
        data = conformed_dataset(files, pa.schema([EXAMPLES.field(name) for name in COLUMNS]))
        if data.schema.field("title_id").type != pa.scalar(titles[0]).type:
            return cls(empty)
        wanted = ds.field("title_id").isin(titles) & (ds.field("propensity") > 0)
        return cls(data.to_table(filter=wanted))

    def of(self, artwork: str) -> Earned:
        """Draws, and the weighted reward of a draw with its interval."""
        rows = self._rows_of.get(artwork)
        return NOTHING if rows is None else self._earned(rows)

    def by_day(self) -> list[ArtworkDay]:
        """The same of each artwork and day that has a draw: those drawn most, the last days."""
        recent = np.unique(self._day)[-DAYS_SHOWN:]
        if not len(recent):
            return []
        kept = {
            name: rows[self._day[rows] >= recent[0]] for name, rows in sorted(self._rows_of.items())
        }
        most = sorted((name for name in kept if len(kept[name])), key=lambda one: -len(kept[one]))
        return [
            ArtworkDay(name, str(self._day[rows[0]]), *self._earned(rows))
            for name in most[:TRENDS_SHOWN]
            for rows in _apart(kept[name], self._day[kept[name]])
        ]

    @property
    def span(self) -> tuple[str, str] | tuple[None, None]:
        """First and last day; None where there is no draw."""
        return (str(self._day.min()), str(self._day.max())) if len(self._day) else (None, None)

    @cached_property
    def _day(self) -> Shaped[np.ndarray, " rows"]:
        return self.rows["time"].to_numpy().astype("datetime64[D]")

    @cached_property
    def _member(self) -> Int[np.ndarray, " rows"]:
        return _coded(self.rows["profile_id"])[0]

    @cached_property
    def _weight(self) -> Float[np.ndarray, " rows"]:
        return 1 / self.rows["propensity"].to_numpy()

    @cached_property
    def _reward(self) -> Float[np.ndarray, " rows"]:
        return self.rows["reward"].to_numpy()

    @cached_property
    def _rows_of(self) -> dict[str, Int[np.ndarray, " rows"]]:
        """Artwork → its rows."""
        code, names = _coded(self.rows["action"])
        parts = _apart(np.arange(len(code)), code)
        return {names[code[rows[0]]]: rows for rows in parts}

    def _earned(self, rows: Int[np.ndarray, " rows"]) -> Earned:
        """How many, and the weighted reward of one with its interval."""
        weight, reward = self._weight[rows], self._reward[rows]
        _, member = np.unique(self._member[rows], return_inverse=True)
        of_members = np.bincount(member, weight)
        earned = np.bincount(member, weight * reward)
        matched = Matched.of(of_members, earned, float((weight**2).sum()))
        fraction = bool(((reward >= 0) & (reward <= 1)).all())
        low, high = matched.interval() if fraction else (None, None)
        return Earned(len(rows), matched.value, low, high)


def _coded(column: pa.ChunkedArray) -> tuple[Int[np.ndarray, " rows"], list[str]]:
    """Each row's place among the column's texts, and these."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def _apart(
    rows: Int[np.ndarray, " rows"], key: Shaped[np.ndarray, " rows"]
) -> list[Int[np.ndarray, " part"]]:
    """Rows by key, in the keys' order; none of them empty."""
    order = np.argsort(key, kind="stable")
    ends = np.flatnonzero(key[order][1:] != key[order][:-1]) + 1
    return np.split(rows[order], ends) if len(rows) else []
