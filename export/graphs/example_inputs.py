"""What graphs are compared with torch on: made-up inputs, and real ones where they are given."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt8

from data.features import (
    CAST_BUCKETS,
    CandidateFeatures,
    ContextFeatures,
    FeatureSpec,
    candidate_features,
    context_features,
)
from data.records import ARTWORKS, FACTS, TITLES


class Probe(NamedTuple):
    """Members, and artworks by pixels or, where a data set has none, by embedding."""

    context: ContextFeatures
    candidates: CandidateFeatures
    images: UInt8[np.ndarray, "artworks 3 height width"] | None = None
    embeddings: Float[np.ndarray, "artworks embedding"] | None = None

    def first(self, rows: int) -> "Probe":
        """The first members and artworks."""
        return Probe(
            ContextFeatures(*(column[:rows] for column in self.context)),
            CandidateFeatures(*(column[:rows] for column in self.candidates)),
            None if self.images is None else self.images[:rows],
            None if self.embeddings is None else self.embeddings[:rows],
        )


def random_probe(
    spec: FeatureSpec,
    rows: int,
    seed: int,
    *,
    size: tuple[int, int] | None = None,
    embedding: int = 0,
    shown: int = 0,
) -> Probe:
    """Draw inputs of the shapes that `spec` computes, wider than real ones.

    What stands for artworks is not negative: shares are among its numbers.

    Args:
        spec: of the network.
        rows: members, and artworks.
        seed: of the draw.
        size: height and width of images; None: embeddings instead.
        embedding: width of the embeddings.
        shown: numbers that are read of each picture.
    """
    rng = np.random.default_rng(seed)

    def like(column: np.ndarray) -> np.ndarray:
        shape = (rows, *column.shape[1:])
        if column.dtype == np.int64:
            return rng.integers(0, 1 << 62 if spec.exact_names else CAST_BUCKETS, shape)
        return rng.normal(size=shape).astype(np.float32)

    def positive(column: np.ndarray) -> np.ndarray:
        return np.abs(like(column))

    pixels = {"images": rng.integers(0, 256, (rows, 3, *size), np.uint8)} if size else {}
    vectors = {} if size else {"embeddings": rng.normal(size=(rows, embedding)).astype(np.float32)}
    context, candidates = _samples(spec)
    widened = np.concatenate([candidates.dense, np.zeros((1, shown), np.float32)], axis=1)
    candidates = candidates._replace(dense=widened)
    return Probe(
        ContextFeatures(*map(like, context)),
        CandidateFeatures(*map(positive, candidates)),
        **pixels,
        **vectors,
    )


def _samples(spec: FeatureSpec) -> tuple[ContextFeatures, CandidateFeatures]:
    """One row of each side, for its shapes and types."""
    day = 0
    title = {
        "title_id": 1,
        "name": "",
        "genres": [],
        "cast": [],
        "popularity": 1.0,
        "launch_day": day,
        "runtime_minutes": 1.0,
        "default_artwork_id": "a",
    }
    artwork = {"artwork_id": "a", "title_id": 1, "path": "a", "added_day": day}
    return (
        context_features(spec, pa.array([{}], FACTS)),
        candidate_features(
            spec,
            pa.Table.from_pylist([title], TITLES),
            pa.Table.from_pylist([artwork], ARTWORKS),
        ),
    )
