"""Training examples a buffer at a time: prepared while the one before is learnt from.

Memory is that of a few buffers, however many examples there are. Where all fit in one, it is
prepared once and kept.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int
from torch.utils.data import Sampler

from data.examples.stream import ExampleStream
from data.records import EXAMPLES
from data.schema_cast import conform
from model.training.dataset import Deal, Examples, share
from model.training.featurise import Preparation
from model.training.samplers import ByArtwork, Shuffled


class Source(Protocol):
    """What is learnt from: `Examples`, all at once, or `Buffers`."""

    @property
    def images(self) -> np.ndarray:
        """Pixels, or embeddings in their place."""
        ...

    @property
    def sizes(self) -> list[int]:
        """Decisions of each buffer of an epoch."""
        ...

    @property
    def distinct(self) -> Int[np.ndarray, " shown"]:
        """Rows of the artworks that were shown, in the catalogue's order."""
        ...

    def buffers(self, epoch: int, /) -> Iterator[Examples]:
        """Every example once; another epoch, another order."""
        ...

    def one(self, number: int, /) -> Examples:
        """One buffer; another number, other examples."""
        ...

    def seen_as(self, embeddings: Float[np.ndarray, "images embedding"], /) -> "Source":
        """The same decisions, with embeddings in the images' place."""
        ...


@dataclass(frozen=True)
class Buffers:
    """Examples of a stream, prepared a buffer at a time."""

    stream: ExampleStream
    """With a seed, so that rows of many days meet in a buffer."""
    preparation: Preparation
    count: int
    """Decisions in all."""
    distinct: Int[np.ndarray, " shown"]
    """Rows of the artworks that were shown, in the catalogue's order."""
    size: int
    """Decisions of a buffer."""

    @property
    def images(self) -> np.ndarray:
        """Pixels, or embeddings in their place."""
        return self.preparation.images

    @property
    def sizes(self) -> list[int]:
        """Decisions of each buffer of an epoch."""
        full, rest = divmod(self.count, self.size)
        return [self.size] * full + [rest] * (rest > 0)

    def buffers(self, epoch: int) -> Iterator[Examples]:
        """Every example once; another epoch, another order."""
        reading = self._read(epoch)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(next, reading, None)
            while (ready := ahead.result()) is not None:
                ahead = pool.submit(next, reading, None)
                yield ready

    def one(self, number: int) -> Examples:
        """One buffer; another number, other examples."""
        return next(self._read(number))

    def seen_as(self, embeddings: Float[np.ndarray, "images embedding"]) -> "Buffers":
        """The same decisions, with embeddings in the images' place."""
        return replace(self, preparation=replace(self.preparation, images=embeddings))

    def _read(self, epoch: int) -> Iterator[Examples]:
        columns = self.preparation.columns
        schema = pa.schema([EXAMPLES.field(name) for name in columns])
        waiting: list[Examples] = []
        held = 0
        for number, (file, rows) in enumerate(replace(self.stream, columns=columns).rows(epoch)):
            waiting.append(self.preparation(conform(rows, schema, file)[0], epoch, number))
            held += len(waiting[-1])
            if held >= self.size:
                joined = Examples.joined(waiting)
                yield joined.some(slice(0, self.size))
                waiting, held = [joined.some(slice(self.size, held))], held - self.size
        if held:
            yield Examples.joined(waiting)


class Deals(Sampler[Deal]):
    """A process's part of each batch of an epoch.

    Args:
        source: of the examples.
        sampler: that deals a buffer into batches.
        length: batches of an epoch.
        epochs: that a buffer serves; None: an epoch has all buffers.
        rank: of the process.
        world: how many processes.
    """

    def __init__(
        self,
        source: Source,
        sampler: Callable[[Examples], ByArtwork | Shuffled],
        length: int,
        epochs: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.source, self.sampler, self.length, self.epochs = source, sampler, length, epochs
        self.rank, self.world, self.epoch = rank, world, 0
        self.kept: tuple[int, Examples] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next: the same epoch of the same seed has the same batches."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Deal]:
        for examples in self._buffers():
            sampler = self.sampler(examples)
            sampler.set_epoch(self.epoch)
            artwork_of = examples.artwork_of if isinstance(sampler, ByArtwork) else None
            for whole in sampler:
                own = share(whole, artwork_of, self.rank, self.world)
                yield Deal(examples, own, whole, self.world)

    def _buffers(self) -> Iterator[Examples]:
        if self.epochs is None:
            yield from self.source.buffers(self.epoch)
            return
        number = self.epoch // self.epochs
        if self.kept is None or self.kept[0] != number:
            self.kept = None  # let go of the old before the new is made
            self.kept = number, self.source.one(number)
        yield self.kept[1]
