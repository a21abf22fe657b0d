"""With what probability each row's artwork was chosen, by what the map says of how it was."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.importers.mapping.columns import MappedRows
from data.importers.mapping.import_map import FLAGS
from data.importers.mapping.names import CatalogueNames
from data.importers.mapping.values import as_text, missing


class Offered(NamedTuple):
    """What could have been shown in each row, and what was."""

    titles: Int[np.ndarray, " rows"]
    """0: no such title."""
    offsets: Int[np.ndarray, " rows_and_one"]
    candidates: Int[np.ndarray, " flat"]
    """Rows of the catalogue."""
    shown: Int[np.ndarray, " rows"]
    """Row of the catalogue; −1: none."""

    @property
    def sizes(self) -> Int[np.ndarray, " rows"]:
        """How many candidates each row has."""
        return np.diff(self.offsets)


class Chances(NamedTuple):
    """Probabilities, and which rows were drawn at all."""

    propensity: Float[np.ndarray, " rows"]
    drawn: Bool[np.ndarray, " rows"]
    """False: a rule chose, so the row says nothing of what else could have been shown."""
    uniform: Bool[np.ndarray, " rows"]
    """Said to be drawn with equal probabilities."""
    floor: Float[np.ndarray, " rows"]
    """The probability of each candidate that was not shown; NaN: not known."""


def chances(rows: MappedRows, offered: Offered, names: CatalogueNames) -> Chances:
    """Propensities of rows.

    A probability that is missing, or 1 among several candidates, is a rule's: it is 1, and the row
    has no support. Rows without a sound one are set aside.
    """
    said = rows.map.propensity
    count = len(rows)
    even = 1 / np.maximum(offered.sizes, 1)
    nothing = np.full(count, np.nan)
    every, none = np.ones(count, bool), np.zeros(count, bool)
    if said is None or said.kind == "rule":
        return Chances(np.ones(count), none, none, nothing)
    if said.kind == "uniform" or said.source is None:
        return Chances(even, every, every, even)
    if said.kind == "random":
        marks = rows.column(said.source)
        drawn, known = _flags(marks, list(said.equals))
        if not known.any() and not rows.raw.first and count:
            shown = f"{marks[0].as_py()!r:.60}"
            rows.map.refuse("propensity.random", f"{shown} is neither yes nor no; give equals")
        rows.set_aside(~known, "propensity.random is neither yes nor no")
        drawn &= known
        return Chances(np.where(drawn, even, 1.0), drawn, drawn, np.where(drawn, even, nothing))
    if said.kind == "mixture":
        wanted = names.rows(as_text(rows.column(said.source)), offered.titles)
        parent = np.repeat(np.arange(count), offered.sizes)
        among = np.bincount(parent[offered.candidates == wanted[parent]], minlength=count) > 0
        rows.set_aside(~among, "propensity.rule is not among the candidates")
        floor = said.share * even
        mine = floor + (1 - said.share) * (wanted == offered.shown)
        return Chances(mine, mine < 1, none, nothing)
    logged = rows.fitted(said.source, pa.float64())
    known = ~missing(logged)
    value = np.where(known, np.asarray(logged.fill_null(1.0)), 1.0)
    rows.set_aside(~((value > 0) & (value <= 1)), "propensity is not above 0 and up to 1")
    return Chances(value, known & ((value < 1) | (offered.sizes == 1)), none, nothing)


def _flags(
    marks: pa.Array, equals: list[str]
) -> tuple[Bool[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
    """Which rows are marked, and of which it is known."""
    texts = as_text(marks)
    if equals:
        marked = np.asarray(pc.is_in(texts, value_set=pa.array(equals, pa.string())))
        return marked, ~missing(texts)
    at = pc.index_in(pc.utf8_lower(texts), value_set=pa.array(list(FLAGS)))
    flags = pa.array(list(FLAGS.values())).take(at)
    return np.asarray(flags.fill_null(False)), ~missing(flags)


class Evenness:
    """Whether rows that are said to be drawn evenly were: how often each candidate was shown."""

    def __init__(self) -> None:
        self._shown: dict[tuple[int, ...], dict[int, int]] = {}

    def add(self, offered: Offered, uniform: Bool[np.ndarray, " rows"]) -> None:
        """Count some more rows."""
        rows = np.flatnonzero(uniform & (offered.sizes > 1))
        if not len(rows):
            return
        starts = offered.offsets[:-1]
        # Rows of equal candidates are one group: equal sums of theirs, and of their squares.
        sums = (_sums(offered, offered.candidates), _sums(offered, offered.candidates**2))
        keys = np.stack([offered.sizes, *sums, offered.shown], 1)[rows]
        _, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
        for row, count in zip(rows[first].tolist(), counts.tolist(), strict=True):
            held = offered.candidates[starts[row] : offered.offsets[row + 1]]
            of_group = self._shown.setdefault(tuple(held.tolist()), {})
            shown = int(offered.shown[row])
            of_group[shown] = of_group.get(shown, 0) + count

    def doubt(self, names: CatalogueNames) -> str | None:
        """What speaks against equal probabilities; None: nothing does."""
        distance, freedom, worst = 0.0, 0, (0.0, "", 0, 0, 0)
        for candidates, counts in self._shown.items():
            rows, size = sum(counts.values()), len(candidates)
            if rows < 5 * size:
                continue
            gaps = np.array([counts.get(one, 0) - rows / size for one in candidates])
            distance += float((gaps**2).sum() / (rows / size))
            freedom += size - 1
            at = int(gaps.argmax())
            name = names.catalogue.artwork_ids[candidates[at]]
            worst = max(worst, (float(gaps[at]), name, counts.get(candidates[at], 0), rows, size))
        # Members who look again see the same artwork, so rows are not quite independent.
        if not freedom or distance < 3 * (freedom + 5 * np.sqrt(2 * freedom)):
            return None
        _, name, shown, rows, size = worst
        return (
            f"rows said to be drawn evenly were not: {name} was shown {shown:,} times in {rows:,}, "
            f"among {size} candidates; name the column that marks those which were "
            "(propensity: {random: COLUMN}), or every estimate will be wrong"
        )


def _sums(offered: Offered, values: Int[np.ndarray, " flat"]) -> Int[np.ndarray, " rows"]:
    """The sum of each row's values."""
    ends = np.concatenate([[0], np.cumsum(values)])
    return ends[offered.offsets[1:]] - ends[offered.offsets[:-1]]
