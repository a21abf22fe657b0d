"""Examples to batches: a few artworks, each encoded once, and the decisions that showed them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.utils.data import Dataset, Sampler

from bandit.choice import profile_keys
from data.features import CandidateFeatures, ContextFeatures
from model import bootstrap
from model.learner import Batch

Masks = Literal["double_or_nothing", "poisson"]


def bootstrap_weights(
    decision_ids: list[str], heads: int, masks: Masks = "double_or_nothing"
) -> Float[np.ndarray, "decisions heads"]:
    """Each head's bootstrap of the decisions, see `model.bootstrap`, by their ids.

    Raises:
        ValueError: more than 64 heads.
    """
    if heads > 64:
        raise ValueError(f"{heads} heads: weights come from 64 bits a decision; take 64 at most")
    return bootstrap.bootstrap_weights(profile_keys(decision_ids), heads, masks)


@dataclass(frozen=True)
class Examples(Dataset[Batch]):
    """Decisions as arrays, and the artworks that they showed; give rows, get a batch."""

    context: ContextFeatures
    artwork_of: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    importance: Float[np.ndarray, " decisions"]
    weights: Float[np.ndarray, "decisions heads"]
    candidates: CandidateFeatures
    images: np.ndarray
    """uint8 [images, 3, height, width] or float32 [images, embedding]."""
    image_row: Int[np.ndarray, " artworks"]
    """Row in `images` of each artwork."""

    def __len__(self) -> int:
        return len(self.reward)

    def __getitem__(self, rows: Int[np.ndarray, " some"]) -> Batch:
        artworks, image_of = np.unique(self.artwork_of[rows], return_inverse=True)
        arrays = (
            self.images[self.image_row[artworks]],
            *(column[artworks] for column in self.candidates),
            image_of,
            *(column[rows] for column in self.context),
            self.reward[rows],
            self.importance[rows],
            self.weights[rows],
        )
        return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))

    def seen_as(self, embeddings: Float[np.ndarray, "images embedding"]) -> "Examples":
        """The same decisions, with embeddings in the images' place."""
        return replace(self, images=embeddings)


class ByArtwork(Sampler[np.ndarray]):
    """Rows of a batch: all that an epoch holds of a few artworks.

    Encoding an image costs as much as hundreds of decisions. So an epoch shows every artwork once,
    with a part of its decisions; after `visits` epochs every decision has been seen once.
    """

    def __init__(
        self,
        artwork_of: Int[np.ndarray, " decisions"],
        artworks: int,
        visits: int = 1,
        seed: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.artwork_of, self.artworks, self.visits = artwork_of, artworks, max(1, visits)
        self.distinct = np.unique(artwork_of)
        self.seed, self.epoch, self.rank, self.world = seed, 0, rank, world

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next: the same epoch of the same seed has the same batches."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, -(-len(self.distinct) // self.artworks) // self.world)

    def __iter__(self) -> Iterator[np.ndarray]:
        rows, place = np.arange(len(self.artwork_of)), np.arange(len(self.distinct))
        if self.seed is not None:
            visit_of = np.random.default_rng([self.seed, self.epoch // self.visits])
            visit = visit_of.integers(self.visits, size=len(rows))
            rows = rows[visit == self.epoch % self.visits]
            draw = np.random.default_rng([self.seed, self.epoch, 1])
            draw.shuffle(rows)
            draw.shuffle(place)
        batch_of = place[np.searchsorted(self.distinct, self.artwork_of[rows])] // self.artworks
        order = np.argsort(batch_of, kind="stable")
        ends = np.searchsorted(batch_of[order], np.arange(-(-len(place) // self.artworks)) + 1)
        batches = [b for b in np.split(rows[order], ends[:-1]) if len(b)]
        usable = len(self) * self.world
        yield from batches[self.rank : usable : self.world]


class Shuffled(Sampler[np.ndarray]):
    """Rows of a batch: decisions in random order, whatever they showed. For embeddings."""

    def __init__(
        self, decisions: int, size: int, seed: int | None = None, rank: int = 0, world: int = 1
    ) -> None:
        self.decisions, self.size, self.seed, self.epoch = decisions, size, seed, 0
        self.rank, self.world = rank, world

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next: the same epoch of the same seed has the same batches."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, -(-self.decisions // self.size) // self.world)

    def __iter__(self) -> Iterator[np.ndarray]:
        order = np.arange(self.decisions)
        if self.seed is not None:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        batches = [order[at : at + self.size] for at in range(0, self.decisions, self.size)]
        yield from batches[self.rank : len(self) * self.world : self.world]
