"""Our training step beside the naive one, which encodes the image of every impression."""

import time
from collections.abc import Callable
from pathlib import Path

import lightning as L
import numpy as np
import pyarrow as pa
import torch

from data.catalogue import Catalogue
from data.features import CAST_BUCKETS
from data.images.cache import image_cache
from model.network.image_encoder import make_encoder
from model.network.lightning_module import Learner, TrainingBatch
from model.network.towers import Architecture, Marquee
from model.training.dataset import Examples
from model.training.dataset_statistics import DatasetStatistics
from model.training.featurise import Preparation
from model.training.samplers import ByArtwork

ARTWORKS = 64
"""Distinct images in a batch, as in training."""
AT_ONCE = 128
"""Impressions that the naive way encodes at once; more would not fit a small machine's memory."""


def ratio_to_naive(
    folder: Path, base: pa.Table, cache: Path, quick: bool = False
) -> dict[str, object]:
    """Impressions a second of both ways, on batches of the same impressions, in turn.

    Both do the whole step of the stage in which the encoder learns: two views of each image, all
    losses, the gradient and AdamW. Ours encodes an image once a batch, the naive way once an
    impression (in parts of AT_ONCE, whose gradients add up to one step).

    Args:
        folder: of the catalogue.
        base: examples.
        cache: of decoded images.
        quick: fewer impressions.
    """
    catalogue = Catalogue.read(folder)
    images = image_cache(catalogue, cache)
    statistics = DatasetStatistics(catalogue)
    statistics.add(base)
    spec = statistics.specification()
    examples = Preparation(
        catalogue, spec, images.images, images.of(list(catalogue.artwork_ids)), heads=20
    )(base)
    learner = untrained(examples, len(spec.genres))
    optimizer = torch.optim.AdamW(p for p in learner.parameters() if p.requires_grad)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    size = 128 if quick else 2048
    batches = [rows[:size] for rows in ByArtwork(examples.artwork_of, ARTWORKS, 1, seed=1)]
    batches = batches[: 2 if quick else 4]

    def ours(rows: np.ndarray) -> None:
        step(learner, optimizer, [examples[rows]])

    def naive(rows: np.ndarray) -> None:
        parts = np.array_split(rows, max(1, len(rows) // AT_ONCE))
        step(learner, optimizer, [each_alone(examples[part]) for part in parts])

    ours(batches[0][:64])  # the first step of all sets things up
    seconds = {"ours": 0.0, "naive": 0.0}
    ways: dict[str, Callable[[np.ndarray], None]] = {"ours": ours, "naive": naive}
    for rows in batches:
        for name, way in ways.items():
            began = time.perf_counter()
            way(rows)
            seconds[name] += time.perf_counter() - began
    torch.set_num_threads(threads)
    count = sum(len(rows) for rows in batches)
    return {
        "naive": {
            "impressions": count,
            "images_a_batch": ARTWORKS,
            "impressions_a_batch": round(count / len(batches)),
            "impressions_per_second": round(count / seconds["ours"]),
            "naive_impressions_per_second": round(count / seconds["naive"], 1),
        },
        "ratio_to_naive": round(seconds["naive"] / seconds["ours"], 2),
    }


def untrained(examples: Examples, genres: int) -> Learner:
    """A network with bootstrap heads, before training."""
    L.seed_everything(1, verbose=False)
    encoder = make_encoder("cnn", "none", None)
    architecture = Architecture(
        embedding=encoder.embedding,
        context=examples.context.dense.shape[1],
        title=examples.candidates.dense.shape[1],
        genres=genres,
        buckets=CAST_BUCKETS,
        kind="bootstrap",
    )
    network = Marquee(encoder, architecture)
    return Learner(network).train()


def each_alone(batch: TrainingBatch) -> TrainingBatch:
    """The same decisions, each with an image of its own."""
    of = batch.image_of
    images = {name: getattr(batch, name)[of] for name in TrainingBatch._fields[:6]}
    return batch._replace(**images, image_of=torch.arange(len(of)))


def step(learner: Learner, optimizer: torch.optim.Optimizer, parts: list[TrainingBatch]) -> None:
    """One step of the optimizer, on the mean gradient of the parts."""
    optimizer.zero_grad()
    for part in parts:
        (learner.loss(part)[0] / len(parts)).backward()
    optimizer.step()
