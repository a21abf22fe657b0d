"""A bundle's own record of each artwork: what its rewards said beyond its looks, by artwork id.

It joins the vector that the candidate tower computes: numbers of its own are added to the first of
these, and after the tower's numbers come the level, and the doubt of it. What reads them is the
same for every context: 1 reads the level, and each head reads the doubt by fixed random numbers
(`model.heads.epistemic_index`). So heads differ about artwork that was little shown, and scores
stay one product.
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
COLUMNS = ("artwork_id", "vector", "level", "deviation")
MOST_DOUBTS = 64
WRONG = (ValueError, KeyError, TypeError, AttributeError, OSError, pa.ArrowException)
"""What reading another file, or another manifest, raises."""


@dataclass(frozen=True)
class ArtworkRecords:
    """Own vector, level and doubt of artworks; artwork that is not among them has the prior's.

    Raises:
        ValueError: the parts are of different lengths, an id comes twice, or a number is not
            finite.
    """

    artwork_ids: Sequence[str]
    vectors: Float[np.ndarray, "artworks rank"]
    """Added to the first `rank` numbers of the candidate tower's vector."""
    levels: Float[np.ndarray, " artworks"]
    """In logits."""
    deviations: Float[np.ndarray, " artworks"]
    """How far heads differ about the level, in logits."""
    prior: float
    """The deviation of artwork without a record."""
    doubts: int
    """Numbers that say the doubt; 0: one head, which has none."""
    to_judge: float = 1.0
    """Factor on the deviations, which are scaled for exploring, that makes them those of artworks'
    mean levels: what an estimate for an audience has to doubt."""

    def __post_init__(self) -> None:
        count = len(self.artwork_ids)
        sizes = [len(part) for part in (self.vectors, self.levels, self.deviations)]
        if sizes != [count] * 3:
            raise ValueError(f"{count} ids, but vectors, levels and deviations are {sizes}")
        if len(set(self.artwork_ids)) != count:
            raise ValueError("an artwork has two records")
        if not 0 <= self.doubts <= MOST_DOUBTS:
            raise ValueError(f"doubts is {self.doubts}; it is 0 to {MOST_DOUBTS}")
        parts = (self.vectors, self.levels, self.deviations, self.prior, self.to_judge)
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("a number is not finite")
        if not (self.prior >= 0 and self.to_judge >= 0 and (self.deviations >= 0).all()):
            raise ValueError("a deviation is below 0")

    def judging(self) -> "ArtworkRecords":
        """The same with the doubt that estimates are to show, in place of what explores."""
        deviations, prior = self.to_judge * self.deviations, self.to_judge * self.prior
        return replace(self, deviations=deviations, prior=prior, to_judge=1.0)

    @property
    def more(self) -> int:
        """Numbers that a vector gains: the level, and the doubt."""
        return 1 + self.doubts

    def added(
        self, artwork_ids: Sequence[str], dimension: int
    ) -> Float32[np.ndarray, "artworks dimension"]:
        """What is added to vectors of so many numbers, of which the tower leaves the last 0.

        The doubt of an artwork is its deviation times a direction that is hashed from its id.
        """
        known = pa.array(self.artwork_ids, pa.string())
        at = pc.index_in(pa.array(artwork_ids, pa.string()), value_set=known)
        rows = pc.fill_null(at, -1).to_numpy()
        has, rank = rows >= 0, self.vectors.shape[1]
        effects = np.zeros((len(artwork_ids), dimension), np.float32)
        effects[has, :rank] = self.vectors[rows[has]]
        effects[has, -self.more] = self.levels[rows[has]]
        if self.doubts:
            deviations = np.full(len(effects), self.prior)
            deviations[has] = self.deviations[rows[has]]
            effects[:, -self.doubts :] = deviations[:, None] * directions(artwork_ids, self.doubts)
        return effects

    def write(self, file: Path) -> None:
        """As Parquet, a row an artwork; `said` is kept elsewhere."""
        vectors = pa.FixedSizeListArray.from_arrays(
            pa.array(self.vectors.astype(np.float32).ravel()), self.vectors.shape[1]
        )
        levels, deviations = (
            pa.array(x.astype(np.float32)) for x in (self.levels, self.deviations)
        )
        columns = [pa.array(self.artwork_ids, pa.string()), vectors, levels, deviations]
        pq.write_table(pa.table(columns, names=list(COLUMNS)), file)

    @property
    def said(self) -> dict[str, float | int]:
        """What a manifest says of it."""
        return {
            "artworks": len(self.artwork_ids),
            "rank": self.vectors.shape[1],
            "prior": self.prior,
            "doubts": self.doubts,
            "to_judge": self.to_judge,
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
            table = pq.ParquetFile(file).read(columns=list(COLUMNS))
            if len(table) != said["artworks"]:
                raise ValueError(f"{len(table)} artworks, the manifest says {said['artworks']}")
            vectors = table["vector"].combine_chunks()
            return cls(
                artwork_ids=table["artwork_id"].to_pylist(),
                vectors=np.asarray(vectors.values).reshape(len(table), int(said["rank"])),
                levels=table["level"].to_numpy(),
                deviations=table["deviation"].to_numpy(),
                prior=float(said["prior"]),
                doubts=int(said["doubts"]),
                to_judge=float(said["to_judge"]),
            )
        except WRONG as error:
            raise BadInput(
                f"{file} holds no records of artworks ({str(error)[:160]}); train and export again"
            ) from None


def directions(artwork_ids: Sequence[str], count: int) -> Float[np.ndarray, "artworks count"]:
    """A direction of length 1 for each artwork, the same on every machine: signs by its id."""
    bits = profile_keys(artwork_ids)[:, None] >> np.arange(count, dtype=np.uint64)
    return (1 - 2.0 * (bits & np.uint64(1))) / np.sqrt(count)
