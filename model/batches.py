"""Examples to batches: bootstrap weights by decision id, each distinct image once."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float, Int, UInt8
from torch.utils.data import IterableDataset

from bandit.choice import profile_keys
from data.features import CandidateFeatures, ContextFeatures
from model.learner import Batch


def bootstrap_weights(decision_ids: list[str], heads: int) -> Float[np.ndarray, "decisions heads"]:
    """Double-or-nothing weights, the same whenever a decision is seen again.

    Source: Owen and Eckles 2012, "Bootstrapping data arrays of arbitrary order".
    """
    keys = profile_keys(decision_ids)[:, None]
    bits = keys >> np.arange(heads, dtype=np.uint64)[None]
    return ((bits & np.uint64(1)) * 2).astype(np.float32)


class Examples(IterableDataset[Batch]):
    """Batches of the given rows; shuffled anew each epoch when a seed is given."""

    def __init__(
        self,
        examples: pa.Table,
        context: ContextFeatures,
        candidates: CandidateFeatures,
        images: UInt8[np.ndarray, "images 3 height width"],
        artwork_of: Int[np.ndarray, " decisions"],
        image_row: Int[np.ndarray, " artworks"],
        heads: int,
        size: int,
        seed: int | None,
    ) -> None:
        super().__init__()
        self.context, self.candidates, self.images = context, candidates, images
        self.artwork_of, self.image_row, self.size, self.seed = artwork_of, image_row, size, seed
        self.reward = examples["reward"].to_numpy().astype(np.float32)
        self.weights = bootstrap_weights(examples["decision_id"].to_pylist(), heads)
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.reward) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        order = np.arange(len(self.reward))
        if self.seed is not None:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
            self.epoch += 1
        for start in range(0, len(order), self.size):
            yield self._batch(order[start : start + self.size])

    def _batch(self, rows: Int[np.ndarray, " decisions"]) -> Batch:
        artworks, image_of = np.unique(self.artwork_of[rows], return_inverse=True)
        arrays = (
            np.ascontiguousarray(self.images[self.image_row[artworks]]),
            *(column[artworks] for column in self.candidates),
            image_of,
            *(column[rows] for column in self.context),
            self.reward[rows],
            self.weights[rows],
        )
        return Batch(*(torch.from_numpy(array) for array in arrays))
