"""Orders in which a buffer of examples is trained on."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int
from torch.utils.data import Sampler


class ByArtwork(Sampler[np.ndarray]):
    """Rows of a batch: all that an epoch holds of a few artworks.

    Encoding an image costs as much as hundreds of decisions. So an epoch shows every artwork once,
    with a part of its decisions; after `visits` epochs every decision has been seen once.

    Args:
        artwork_of: the artwork of each decision.
        artworks: of a batch.
        visits: epochs that share the decisions.
        seed: of the order; None: as they are.
        distinct: the artworks that batches are made of; None: those of the decisions.
        most: decisions of a batch; where there are more, its artworks are parted. None: any.
    """

    def __init__(
        self,
        artwork_of: Int[np.ndarray, " decisions"],
        artworks: int,
        visits: int = 1,
        seed: int | None = None,
        distinct: Int[np.ndarray, " shown"] | None = None,
        most: int | None = None,
    ) -> None:
        self.artwork_of, self.artworks, self.visits = artwork_of, artworks, max(1, visits)
        self.distinct = np.unique(artwork_of) if distinct is None else distinct
        self.seed, self.epoch, self.most = seed, 0, most

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next: the same epoch of the same seed has the same batches."""
        self.epoch = epoch

    def __len__(self) -> int:
        if self.most is not None:
            return sum(1 for _ in self)
        return max(1, -(-len(self.distinct) // self.artworks))

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
        for batch in np.split(rows[order], ends[:-1]):
            if self.most is None or len(batch) <= self.most:
                yield from [batch] * (len(batch) > 0)
                continue
            together = batch[np.argsort(self.artwork_of[batch], kind="stable")]
            yield from np.array_split(together, -(-len(batch) // self.most))


class Shuffled(Sampler[np.ndarray]):
    """Rows of a batch: decisions in random order, whatever they showed. For embeddings."""

    def __init__(self, decisions: int, size: int, seed: int | None = None) -> None:
        self.decisions, self.size, self.seed, self.epoch = decisions, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next: the same epoch of the same seed has the same batches."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, -(-self.decisions // self.size))

    def __iter__(self) -> Iterator[np.ndarray]:
        order = np.arange(self.decisions)
        if self.seed is not None:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        yield from (order[at : at + self.size] for at in range(0, self.decisions, self.size))
