"""Examples to batches: a few artworks, each encoded once, and the decisions that showed them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.utils.data import Dataset

from bandit.choice import profile_keys
from data.features import CandidateFeatures, ContextFeatures
from model.heads import bootstrap_weights as bootstrap
from model.network.lightning_module import TrainingBatch

Masks = Literal["double_or_nothing", "poisson"]
AT_ONCE = 16_384
"""Decisions judged at once: memory stays bounded where few artworks have many."""
OWN = ("artwork_of", "reward", "importance", "weights")
"""What examples have of each decision, beside the context."""
ALONE = tuple(TrainingBatch._field_defaults.values())
"""The end of a batch that one process has whole."""


def bootstrap_weights(
    decision_ids: list[str], heads: int, masks: Masks = "double_or_nothing"
) -> Float[np.ndarray, "decisions heads"]:
    """Each head's bootstrap of the decisions, see `model.heads.bootstrap_weights`, by their ids.

    Raises:
        ValueError: more than 64 heads.
    """
    if heads > 64:
        raise ValueError(f"{heads} heads: weights come from 64 bits a decision; take 64 at most")
    return bootstrap.bootstrap_weights(profile_keys(decision_ids), heads, masks)


@dataclass(frozen=True)
class Examples(Dataset[TrainingBatch]):
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

    def __getitem__(self, rows: Int[np.ndarray, " some"]) -> TrainingBatch:
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
        return TrainingBatch._make(
            (*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays), *ALONE)
        )

    @property
    def sizes(self) -> list[int]:
        """Decisions of each buffer: all are in one."""
        return [len(self)]

    @property
    def distinct(self) -> Int[np.ndarray, " shown"]:
        """Rows of the artworks that were shown."""
        return np.unique(self.artwork_of)

    def buffers(self, _: int) -> Iterator["Examples"]:
        """All decisions at once, in any epoch."""
        yield self

    def one(self, _: int) -> "Examples":
        """All decisions, whatever the number."""
        return self

    def some(self, rows: slice) -> "Examples":
        """A part of the decisions."""
        context = ContextFeatures(*(column[rows] for column in self.context))
        own = {name: getattr(self, name)[rows] for name in OWN}
        return replace(self, context=context, **own)

    @staticmethod
    def joined(parts: list["Examples"]) -> "Examples":
        """The decisions of several parts, of the same catalogue and images."""
        context = ContextFeatures(
            *(np.concatenate(columns) for columns in zip(*(p.context for p in parts), strict=True))
        )
        own = {name: np.concatenate([getattr(p, name) for p in parts]) for name in OWN}
        return replace(parts[0], context=context, **own)

    def seen_as(self, embeddings: Float[np.ndarray, "images embedding"]) -> "Examples":
        """The same decisions, with embeddings in the images' place."""
        return replace(self, images=embeddings)


class Deal(NamedTuple):
    """A process's part of a batch."""

    examples: Examples
    rows: Int[np.ndarray, " own"]
    whole: Int[np.ndarray, " decisions"]
    """Rows of the batch, of all processes."""
    world: int = 1
    """How many processes."""


class Dealt(Dataset[TrainingBatch]):
    """Give a deal, get its batch."""

    def __getitem__(self, deal: Deal) -> TrainingBatch:
        if deal.world == 1:
            return deal.examples[deal.rows]
        idle = not len(deal.rows)  # takes part all the same, with what counts nothing
        rows = deal.whole[:1] if idle else deal.rows
        artwork_of = deal.examples.artwork_of
        every, own = np.unique(artwork_of[deal.whole]), np.unique(artwork_of[rows])
        return deal.examples[rows]._replace(
            place=torch.from_numpy(np.searchsorted(every, own)),
            all_images=len(every),
            image_part=0.0 if idle else len(own) * deal.world / len(every),
            decision_part=0.0 if idle else len(rows) * deal.world / len(deal.whole),
        )


def share(
    rows: Int[np.ndarray, " decisions"],
    artwork_of: Int[np.ndarray, " decisions"] | None,
    rank: int,
    world: int,
) -> Int[np.ndarray, " own"]:
    """A process's rows of a batch: every so many-th; or all of every so many-th artwork.

    Args:
        rows: of the batch.
        artwork_of: of each decision, to share by artwork, so that no image is encoded twice.
        rank: of the process.
        world: how many processes.
    """
    if artwork_of is None:
        return rows[rank::world]
    _, artwork = np.unique(artwork_of[rows], return_inverse=True)
    return rows[artwork % world == rank]
