"""A bundle of a theatre's log, by the product's own training, in this process and unpublished."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from bandit.head_policy import HeadPolicy
from data.catalogue import Catalogue
from data.examples.stream import ExampleStream
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from model.pictures.training_pictures import (
    TrainingPictures,
    training_pictures,
    with_encoder,
)
from model.training.dataset_statistics import specification
from model.training.featurise import Preparation
from model.training.first_pass import first_pass
from model.training.run import TrainingData, train_network
from model.training.settings import Settings

EPSILON = 0.05


def learnt_bundle(
    examples: Path,
    folder: Path,
    settings: Settings,
    prepared: Callable[..., Preparation] = Preparation,
    told: np.ndarray | None = None,
) -> tuple[Path, pa.Table]:
    """A bundle, and the examples that were held out from it.

    Args:
        examples: of the log.
        folder: of the catalogue; with `embeddings.npy` for the encoder `features`.
        settings: of the run; where bundles and pictures go is said there.
        prepared: makes examples into arrays; of the arguments of `Preparation`.
        told: float32, a row an artwork, in place of pictures; None: pictures are read.
    """
    catalogue = Catalogue.read(folder)
    settings = with_encoder(settings)
    rows = None if told is None else TrainingPictures(told, np.arange(len(told)))
    pictures = rows or training_pictures(settings, catalogue)
    read = first_pass(
        ExampleStream(examples),
        catalogue,
        validation=settings.data.validation,
        held_out=settings.data.held_out,
        buffer=settings.fit.buffer,
        seed=settings.seed,
    )
    spec = specification(read.statistics, None)
    preparation = prepared(
        *(catalogue, spec, pictures.images, pictures.image_row),
        heads=1,
        masks=settings.model.heads.masks,
        mask=settings.fit.mask,
        seed=settings.seed,
    )
    data = TrainingData.of(preparation, read, settings, 0.0, groups=pictures.groups)
    trained = train_network(settings, data)
    assert trained is not None, "there is one process"
    bundle = write_bundle(
        trained.network,
        spec,
        settings.publish.bundles,
        BundleDescription(
            image=pictures.format,
            reward_name="reward",
            head_policy=HeadPolicy("thompson", EPSILON),
            salt=0,
            parent=None,
            metrics=trained.metrics,
            temperature=trained.temperature,
            encoder=settings.model.encoder,
            frozen=pictures.frozen,
        ),
        read.statistics.unpersonalised_takes(),
        records=trained.records,
        read_outs=trained.read_outs,
    )
    return bundle, read.later
