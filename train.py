"""Train the bandit on logged decisions, judge it off-policy, export and publish it.

    python train.py                                  # on a sample, made on the spot
    python train.py --config configs/full.yaml       # the same, at full strength
    python train.py --data.examples EXAMPLES --data.catalogue CATALOGUE

Every setting has a dotted option; --print_config shows them all, --config reads them from a file.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import lightning as L
import numpy as np
import pyarrow as pa
import torch
from jsonargparse import CLI

from data.catalogue import Catalogue
from data.check import read_examples
from data.errors import BadInput, main
from data.features import CAST_BUCKETS, FeatureSpec
from data.images import image_cache
from export.bundle import write_bundle
from model.calibrate import calibrate
from model.encoder import INSTEAD_OF_PIXELS, make_encoder
from model.fit import fit
from model.learner import Learner
from model.network import Marquee
from model.prepare import prepare, split_by_time, unpersonalised_takes, window
from model.settings import Data, Model, Settings


class Source(NamedTuple):
    """What is learnt from."""

    examples: pa.Table
    catalogue: Catalogue
    images: np.ndarray
    """uint8 pixels, or float32 embeddings in their place."""
    image_row: np.ndarray


def train(settings: Settings) -> Path:
    """The whole run; gives the bundle's folder.

    Raises:
        BadInput: examples, catalogue or settings that nothing can be learnt from.
    """
    L.seed_everything(settings.seed, verbose=False)
    source = load(settings.data, settings.model)
    split = split_by_time(source.examples, settings.data.validation)
    table = source.examples.take(pa.array(split.train))
    facts = table["facts"].combine_chunks()
    spec = FeatureSpec.learn(facts, source.catalogue.titles, source.catalogue.artworks)
    network = build(settings, source, spec, float(np.mean(table["reward"].to_numpy())))
    parts = [
        prepare(
            part, source.catalogue, spec, source.images, source.image_row,
            heads=network.context.heads.trained_heads, masks=settings.model.heads.masks,
            mask=settings.fit.mask, clip=settings.fit.importance_clip,
            decay=settings.data.decay, seed=settings.seed,
        )
        for part in (table, source.examples.take(pa.array(split.validation)))
    ]  # fmt: skip
    learner = Learner(
        network, settings.fit.rate, settings.fit.decay, settings.fit.catalogue_share,
        settings.fit.recolour, seed=settings.seed,
    )  # fmt: skip
    say(f"learning from {len(table):,} examples of {len(source.catalogue.artworks):,} artworks")
    metrics = fit(learner, *parts, settings.fit, Path(settings.out), settings.seed)
    temperature, told = calibrate(learner, parts[1], 4 * settings.fit.artworks)
    pixels = settings.model.encoder not in INSTEAD_OF_PIXELS
    size = {"height": settings.data.height, "width": settings.data.width}
    bundle = write_bundle(
        network, spec, settings.publish.bundles, image=size if pixels else None,
        reward_name=str(source.examples["reward_name"][0]),
        policy={"kind": "thompson", "epsilon": settings.publish.epsilon,
                "salt": settings.publish.salt},
        parent=None, metrics=metrics | told, unpersonalised=unpersonalised_takes(table, source.catalogue),
        temperature=temperature,
        data={"examples": len(table), "artworks": len(source.catalogue.artworks),
              "encoder": settings.model.encoder},
    )  # fmt: skip
    say(f"bundle {bundle}")
    return bundle


def load(data: Data, model: Model) -> Source:
    """Read and check the examples, and the images or what stands in their place."""
    cache = Path(data.cache)
    if data.examples is None:
        from simulate.sample import make_sample

        say("no --data.examples given: making a sample, or finding the one made before")
        found = make_sample(cache, **asdict(data.sample))
        examples_at, catalogue_at = found.examples, found.catalogue
    elif data.catalogue is None:
        raise BadInput("--data.examples needs --data.catalogue: the folder of their catalogue")
    else:
        examples_at, catalogue_at = Path(data.examples), Path(data.catalogue)
    catalogue = Catalogue.read(catalogue_at)
    examples = read_examples(examples_at, catalogue.artwork_ids, title_ids=catalogue.title_ids)
    examples = window(examples, data.window_days)
    rows = np.arange(len(catalogue.artworks))
    if model.encoder == "attributes":
        from simulate.attributes import artwork_attributes
        from simulate.catalogue_truth import CatalogueTruth

        truth = CatalogueTruth.read(catalogue_at)
        return Source(examples, catalogue, artwork_attributes(truth, catalogue.artwork_ids), rows)
    if model.encoder == "features":
        if catalogue.embeddings is None:
            raise BadInput(
                f"--model.encoder features needs {catalogue_at}/embeddings.npy: float32, a row an "
                "artwork; or train on images with --model.encoder cnn"
            )
        return Source(examples, catalogue, catalogue.embeddings, rows)
    cached = image_cache(catalogue, cache, height=data.height, width=data.width)
    return Source(examples, catalogue, cached.images, cached.of(list(catalogue.artwork_ids)))


def build(settings: Settings, source: Source, spec: FeatureSpec, mean: float) -> Marquee:
    """The untrained network, of the sizes that the features have."""
    model = settings.model
    pixels = model.encoder not in INSTEAD_OF_PIXELS
    empty = prepare(
        source.examples.slice(0, 4096), source.catalogue, spec, source.images, source.image_row,
        heads=1,
    )  # fmt: skip
    width = model.embedding if pixels else source.images.shape[1]
    network = Marquee(
        make_encoder(model.encoder, model.weights, width) if pixels else None,
        embedding=width, context=empty.context.dense.shape[1],
        title=empty.candidates.dense.shape[1], genres=len(spec.genres), buckets=CAST_BUCKETS,
        kind=model.heads.kind, heads=model.heads.count, rank=model.rank, prior=model.heads.prior,
        prior_scale=model.heads.prior_scale, base=float(np.log(mean / (1 - mean))),
        seed=settings.seed,
    )  # fmt: skip
    network.context.frozen.standardise(torch.from_numpy(empty.context.dense))
    return network


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(lambda: train(CLI(Settings, as_positional=False)))
