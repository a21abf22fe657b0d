"""What a log's probabilities say of each kind's draws, given the artwork and the kinds before.

The probability of every combination is logged where there are few; each kind's own follow from it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

BATCH = 20_000
"""Decisions that are held at once."""
MOST_WEIGHT = 20.0
"""That is thought possible where a row does not say what else could have been drawn."""
ROWS = """
SELECT day, bundle, kinds, asset_propensities AS told, asset_candidates AS offered, sizes,
       list_prepend(chosen - 1, list_transform(list_zip(assets, asset_candidates),
                                               lambda x: list_position(x[2], x[1]) - 1)) AS places,
       CASE WHEN len(combinations) = list_aggregate(sizes, 'product') THEN combinations END
         AS combinations
FROM (SELECT *, list_prepend(len(candidates), list_transform(asset_candidates, lambda x: len(x)))
        AS sizes FROM kind_rows)
WHERE chosen > 0 AND len(assets) = len(kinds) AND len(asset_candidates) = len(kinds)
  AND len(asset_propensities) = len(kinds)
"""
"""Rows whose lists belong together; of the others `check_rows` speaks."""


class KindGroup(NamedTuple):
    """Draws that are judged together."""

    kind: str
    day: str
    bundle: str


class NamedAsset(NamedTuple):
    """An asset."""

    kind: str
    asset: str


@dataclass
class KindSums:
    """Sums over some draws of a kind that had several candidates."""

    draws: int = 0
    known: int = 0
    """That say what else could have been drawn."""
    unequal: int = 0
    """Whose propensity is not that of the logged combinations."""
    score: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))
    """As `evaluate.monitor.decisions.Score`."""
    weight: float = 0.0
    """Of the even policy."""
    variance: float = 0.0
    """Of that sum, where it is what is logged."""
    largest: float = 1.0
    """Weight that was possible."""


@dataclass
class AssetSums:
    """Sums over the draws that an asset was a candidate of, where its probability is known."""

    expected: float = 0.0
    drawn: int = 0
    variance: float = 0.0
    """Of how many fall on it."""


@dataclass
class DrawnKinds:
    """Of a log."""

    groups: defaultdict[KindGroup, KindSums] = field(default_factory=lambda: defaultdict(KindSums))
    assets: defaultdict[NamedAsset, AssetSums] = field(
        default_factory=lambda: defaultdict(AssetSums)
    )

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> "DrawnKinds":
        """Of all its decisions.

        Args:
            connection: with the view `kind_rows`.
        """
        made = cls()
        for rows in _batches(connection):
            shapes: dict[tuple[tuple[str, ...], tuple[int, ...]], list[int]] = defaultdict(list)
            both = zip(rows["kinds"].to_pylist(), rows["sizes"].to_pylist(), strict=True)
            for at, (kinds, sizes) in enumerate(both):
                shapes[tuple(kinds), tuple(sizes)].append(at)
            for (kinds, sizes), at in shapes.items():
                made._add(rows.take(pa.array(at)), kinds, sizes)
        return made

    def _add(self, rows: pa.Table, kinds: tuple[str, ...], sizes: tuple[int, ...]) -> None:
        """Rows of one shape: of each kind those that drew one of several."""
        known = pc.is_valid(rows["combinations"]).to_numpy()  # pyright: ignore[reportAttributeAccessIssue]
        places, told = (np.array(rows[n].to_pylist(), np.float64) for n in ("places", "told"))
        place = np.nan_to_num(places, nan=-1.0).astype(np.int64)
        known &= (place >= 0).all(1)
        flat = np.array(rows["combinations"].filter(pa.array(known)).to_pylist(), np.float64)
        table = flat.reshape(-1, *sizes)
        for at, kind in enumerate(kinds):
            if sizes[1 + at] < 2:
                continue
            chances = np.full((len(rows), sizes[1 + at]), np.nan)
            chances[known] = _given(table, place[known], at)
            self._count(rows, kind, chances, place[:, 1 + at], told[:, at])
            self._name(rows, at, kind, chances, place[:, 1 + at])

    def _count(
        self,
        rows: pa.Table,
        kind: str,
        chances: Float[np.ndarray, "draws candidates"],
        place: Int[np.ndarray, " draws"],
        told: Float[np.ndarray, " draws"],
    ) -> None:
        """Add draws to their day and bundle."""
        own = chances[np.arange(len(place)), place]
        sound = (told > 0) & (told <= 1)
        usable = sound & (own > 0)
        logs = np.log(np.where(chances > 0, chances, 1.0))
        mean, second, third = ((chances * logs**power).sum(1) for power in (1, 2, 3))
        score = np.stack(
            [
                np.log(np.where(own > 0, own, 1.0)) - mean,
                second - mean**2,
                third - 3 * mean * second + 2 * mean**3,
            ],
            1,
        )
        count = chances.shape[1]
        weight = 1 / (np.where(sound, told, 1.0) * count)
        least = chances.min(1)
        spread = (1 / np.where(chances > 0, chances, 1.0)).sum(1) / count**2 - 1
        bound = np.maximum(weight, MOST_WEIGHT)
        whole = least > 0  # NaN is not
        variance = np.where(whole, spread, bound - 1)
        largest = np.where(whole, 1 / (np.where(whole, least, 1.0) * count), bound)
        unequal = sound & (np.abs(own - told) > 1e-6)
        both = list(zip(rows["day"].to_pylist(), rows["bundle"].to_pylist(), strict=True))
        for day, bundle in set(both):
            mine = np.array([one == (day, bundle) for one in both])
            sums = self.groups[KindGroup(kind, str(day), str(bundle))]
            sums.draws += int(mine.sum())
            sums.known += int((mine & usable).sum())
            sums.unequal += int((mine & unequal).sum())
            sums.score = sums.score + score[mine & usable].sum(0)
            sums.weight += float(weight[mine & sound].sum()) + int((mine & ~sound).sum())
            sums.variance += float(variance[mine].sum())
            sums.largest = max(sums.largest, float(largest[mine].max()))

    def _name(
        self,
        rows: pa.Table,
        at: int,
        kind: str,
        chances: Float[np.ndarray, "draws candidates"],
        place: Int[np.ndarray, " draws"],
    ) -> None:
        """Add draws to the assets that they could have fallen on."""
        known = ~np.isnan(chances).any(1)
        if not known.any():
            return
        some = rows["offered"].filter(pa.array(known)).combine_chunks()
        offered = pc.list_element(some, at).flatten()  # pyright: ignore[reportAttributeAccessIssue]
        names = offered.dictionary_encode()
        code = names.indices.to_numpy().reshape(-1, chances.shape[1])
        p, size = chances[known], len(names.dictionary)
        drawn = np.bincount(code[np.arange(len(code)), place[known]], minlength=size)
        expected = np.bincount(code.ravel(), p.ravel(), size)
        variance = np.bincount(code.ravel(), (p * (1 - p)).ravel(), size)
        for asset, *sums in zip(
            names.dictionary.to_pylist(), drawn, expected, variance, strict=True
        ):
            one = self.assets[NamedAsset(kind, str(asset))]
            one.drawn += int(sums[0])
            one.expected += float(sums[1])
            one.variance += float(sums[2])


def _given(
    table: Float[np.ndarray, " draws artworks *others"],
    place: Int[np.ndarray, "draws all_kinds"],
    at: int,
) -> Float[np.ndarray, "draws candidates"]:
    """Probabilities of a kind's candidates, given the artwork and the kinds before it."""
    rows = np.arange(len(table))
    left = table[(rows, *place[:, : at + 1].T)]
    own = left.sum(tuple(range(2, left.ndim)))
    total = own.sum(1, keepdims=True)
    return np.divide(own, total, out=np.full_like(own, np.nan), where=total > 0)


def _batches(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    reader = connection.sql(ROWS).to_arrow_reader(BATCH)
    for batch in reader:
        if len(batch):
            yield pa.Table.from_batches([batch])
