"""A bundle's own record of each artwork: what its rewards said beyond its looks, by artwork id.

It joins the vector that the candidate tower computes: numbers of its own are added to the first of
these, and after the tower's numbers come the level, and the doubt of it: how far the level lies
from its mean in draws of the posterior. What reads them is the same for every context: 1 reads the
level, and each head mixes the draws by fixed random numbers (`model.heads.epistemic_index`). So
heads differ about artwork that was little shown, and scores stay one product.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float, Float32

from bandit.choice import profile_keys
from data.errors import BadInput

RECORDS = "records.parquet"
COLUMNS = ("artwork_id", "vector", "level", "doubt", "explored")
MOST_DRAWS = 64
WRONG = (ValueError, KeyError, TypeError, AttributeError, OSError, pa.ArrowException)
"""What reading another file, or another manifest, raises."""


@dataclass(frozen=True)
class ArtworkRecords:
    """Own vector, level and doubt of artworks; others have what their content says, and a prior.

    Raises:
        ValueError: the parts are of different lengths, an id comes twice, or a number is not
            finite.
    """

    artwork_ids: Sequence[str]
    vectors: Float[np.ndarray, "artworks rank"]
    """Added to the first `rank` numbers of the candidate tower's vector."""
    levels: Float[np.ndarray, " artworks"]
    """In logits."""
    doubt: Float[np.ndarray, "artworks draws"]
    """How far the level lies from its mean in each draw of the posterior, in logits over the root
    of their number: the length of a row is the level's deviation. One head has no draws."""
    explored: Float[np.ndarray, " artworks"]
    """Factor on it by which heads differ when they explore; to judge, they differ by all of it."""
    prior: float
    """Deviation of the level that artwork without a record has of its own, in logits."""
    prior_explored: float
    """The factor for artwork without a record."""

    def __post_init__(self) -> None:
        count = len(self.artwork_ids)
        sizes = [len(part) for part in (self.vectors, self.levels, self.doubt, self.explored)]
        if sizes != [count] * 4:
            raise ValueError(
                f"{count} ids, but vectors, levels, doubt and explored are {sizes} long"
            )
        if len(set(self.artwork_ids)) != count:
            raise ValueError("an artwork has two records")
        if self.draws > MOST_DRAWS:
            raise ValueError(f"doubt has {self.draws} draws; it is 0 to {MOST_DRAWS}")
        parts = (self.vectors, self.levels, self.doubt, self.explored)
        if not all(np.isfinite(part).all() for part in (*parts, self.prior, self.prior_explored)):
            raise ValueError("a number is not finite")
        if not (self.prior >= 0 and self.prior_explored >= 0 and (self.explored >= 0).all()):
            raise ValueError("a deviation or a factor is below 0")

    @property
    def draws(self) -> int:
        """Of the posterior, in which the doubt is told."""
        return self.doubt.shape[1]

    @property
    def deviations(self) -> Float[np.ndarray, " artworks"]:
        """Posterior deviation of each level, in logits."""
        return np.linalg.norm(self.doubt, axis=1)

    def judging(self) -> "ArtworkRecords":
        """The same with the doubt that estimates are to show, in place of what explores."""
        return replace(self, explored=np.ones(len(self.artwork_ids)), prior_explored=1.0)

    @property
    def more(self) -> int:
        """Numbers that a vector gains: the level, and the doubt."""
        return 1 + self.draws

    def joined(
        self, vectors: Float[np.ndarray, "artworks dimension"], artwork_ids: Sequence[str]
    ) -> Float32[np.ndarray, "artworks dimension"]:
        """The towers' vectors with what records say; the last numbers are the doubt.

        Where an artwork has a record, that has all of its doubt. Where it has none, the tower says
        what content leaves open, and the prior of its own level joins in a direction hashed from
        the id.
        """
        known = pa.array(self.artwork_ids, pa.string())
        at = pc.index_in(pa.array(artwork_ids, pa.string()), value_set=known)
        rows = pc.fill_null(at, -1).to_numpy()
        has, rank = rows >= 0, self.vectors.shape[1]
        found = vectors.astype(np.float32)
        found[has, :rank] += self.vectors[rows[has]]
        found[has, found.shape[1] - self.more] += self.levels[rows[has]]
        if self.draws:
            doubt = found[:, -self.draws :]  # a view
            doubt[has] = self.doubt[rows[has]] * self.explored[rows[has], None]
            unseen = [name for name, seen in zip(artwork_ids, has, strict=True) if not seen]
            doubt[~has] += self.prior * directions(unseen, self.draws)
            doubt[~has] *= self.prior_explored
        return found

    def write(self, file: Path) -> None:
        """As Parquet, a row an artwork; `said` is kept elsewhere."""
        vectors = pa.FixedSizeListArray.from_arrays(
            pa.array(self.vectors.astype(np.float32).ravel()), self.vectors.shape[1]
        )
        ends = np.arange(len(self.doubt) + 1, dtype=np.int32) * self.draws
        doubt = pa.ListArray.from_arrays(ends, self.doubt.astype(np.float32).ravel())  # or of none
        numbers = [pa.array(x.astype(np.float32)) for x in (self.levels, self.explored)]
        columns = [pa.array(self.artwork_ids, pa.string()), vectors, numbers[0], doubt, numbers[1]]
        pq.write_table(pa.table(columns, names=list(COLUMNS)), file)

    @property
    def said(self) -> dict[str, float | int]:
        """What a manifest says of it."""
        return {
            "artworks": len(self.artwork_ids),
            "rank": self.vectors.shape[1],
            "draws": self.draws,
            "prior": self.prior,
            "prior_explored": self.prior_explored,
        }

    @classmethod
    def read(cls, file: Path, said: object) -> "ArtworkRecords":
        """What `write` wrote.

        Args:
            file: Parquet.
            said: what the manifest says of it.

        Raises:
            BadInput: it is not that.
        """
        try:
            if not isinstance(said, dict):
                raise ValueError("the manifest does not say what they are")
            table = pq.ParquetFile(file).read()
            if len(table) != said["artworks"]:
                raise ValueError(f"{len(table)} artworks, the manifest says {said['artworks']}")
            ids = table["artwork_id"].to_pylist()
            if "to_judge" in said:
                doubt, factors = _former(ids, table["deviation"].to_numpy(), said)
            else:
                doubt = _rows(table["doubt"], int(said["draws"]))
                factors = float(said["prior"]), float(said["prior_explored"])
            explored = table["explored"].to_numpy() if "explored" in table.column_names else None
            return cls(
                artwork_ids=ids,
                vectors=_rows(table["vector"], int(said["rank"])),
                levels=table["level"].to_numpy(),
                doubt=doubt,
                explored=np.full(len(ids), factors[1]) if explored is None else explored,
                prior=factors[0],
                prior_explored=factors[1],
            )
        except WRONG as error:
            raise BadInput(
                f"{file} holds no records of artworks ({str(error)[:160]}); train and export again"
            ) from None


def _rows(column: pa.ChunkedArray, width: int) -> Float[np.ndarray, "rows width"]:
    return np.asarray(column.combine_chunks().values).reshape(len(column), width)


def _former(
    artwork_ids: Sequence[str], deviations: Float[np.ndarray, " artworks"], said: dict[str, float]
) -> tuple[Float[np.ndarray, "artworks draws"], tuple[float, float]]:
    """Doubt, prior and factor of a bundle made before doubts were draws: deviations, scaled."""
    to_judge = max(float(said["to_judge"]), 1e-6)
    toward = directions(artwork_ids, int(said["doubts"]))
    return to_judge * deviations[:, None] * toward, (to_judge * float(said["prior"]), 1 / to_judge)


def directions(artwork_ids: Sequence[str], count: int) -> Float[np.ndarray, "artworks count"]:
    """A direction of length 1 for each artwork, the same on every machine: signs by its id."""
    bits = profile_keys(artwork_ids)[:, None] >> np.arange(count, dtype=np.uint64)
    return (1 - 2.0 * (bits & np.uint64(1))) / np.sqrt(count)
