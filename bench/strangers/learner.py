"""A bundle of a theatre's log, by the product's own training, in this process and unpublished."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from bandit.head_policy import HeadPolicy
from data.catalogue import Catalogue
from data.examples.stream import ExampleStream
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from model.pictures.training_pictures import training_pictures, with_encoder
from model.training.buffered_source import Source
from model.training.dataset import Examples
from model.training.dataset_statistics import specification
from model.training.featurise import Preparation
from model.training.first_pass import first_pass
from model.training.fit_hierarchical import CatalogueArtworks
from model.training.run import TrainingData, train_network
from model.training.settings import Settings

EPSILON = 0.05


def learnt_bundle(examples: Path, folder: Path, settings: Settings) -> tuple[Path, pa.Table]:
    """A bundle, and the examples that were held out from it.

    Args:
        examples: of the log.
        folder: of the catalogue; with `embeddings.npy` for the encoder `features`.
        settings: of the run; where bundles and pictures go is said there.
    """
    catalogue = Catalogue.read(folder)
    settings = with_encoder(settings)
    pictures = training_pictures(settings, catalogue)
    read = first_pass(
        ExampleStream(examples),
        catalogue,
        validation=settings.data.validation,
        held_out=settings.data.held_out,
        buffer=settings.fit.buffer,
        seed=settings.seed,
    )
    spec = specification(read.statistics, None)
    common = Preparation(
        *(catalogue, spec, pictures.images, pictures.image_row),
        heads=1,
        mask=settings.fit.mask,
        seed=settings.seed,
    )

    def prepare(heads: int) -> tuple[Source, Examples]:
        made = replace(common, heads=heads, masks=settings.model.heads.masks)
        return read.source(made, settings.fit.buffer), made(read.later)

    data = TrainingData(
        common(pa.concat_tables(read.statistics.sample)),
        len(spec.genres),
        read.statistics.mean_reward,
        CatalogueArtworks(catalogue.artwork_ids, catalogue.artworks["title_id"].to_numpy()),
        prepare,
        groups=pictures.groups,
    )
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
    )
    return bundle, read.later
