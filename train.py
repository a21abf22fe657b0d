"""Train the bandit on logged decisions, judge it off-policy, export and publish it.

    python train.py                                  # on a sample, made on the spot
    python train.py --config configs/full.yaml       # the same, at full strength
    python train.py --data.examples EXAMPLES --data.catalogue CATALOGUE
    python train.py --data.examples EXAMPLES --data.catalogue CATALOGUE --increment.of BUNDLE

Every setting has a dotted option; --print-config shows them all, --config reads them from a file.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch

from bandit.head_policy import HeadPolicy
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.check.notes import undeclared
from data.command_line.option_parser import OptionParser, auto_cli, underscored
from data.command_line.renamed_options import present_names
from data.errors import BadInput, main
from data.examples.stream import ExampleStream
from data.features import FeatureSpec
from data.images.format import ImageFormat
from data.images.left_out import left_out_words
from data.importers.open_bandit import open_bandit
from data.schema import read_schema
from data.schema_cast import parquet_files
from evaluate.gate.held_out_table import show_held_out_values
from evaluate.gate.publish_gate import GateResult, publish_gate
from evaluate.kinds.before import learnt_beside
from evaluate.policies.read_examples import first_moment
from export.graphs.architecture import network_of
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from export.graphs.with_part import replaced_with
from export.publish.open_store import open_store
from export.publish.publish import publish
from model.eyes.frozen_encoder import FrozenEncoder
from model.increments.days_to_read import days_to_read, judged_from
from model.increments.increment import DaySource, PosteriorByDay
from model.increments.kept_posterior import KeptPosterior
from model.increments.refit import goes_on, overdue, to_keep
from model.pictures.training_pictures import training_pictures, with_encoder
from model.training.dataset_statistics import specification
from model.training.exploring import arrivals_of
from model.training.featurise import Preparation
from model.training.first_pass import FirstPass, first_pass, sample, window
from model.training.run import TrainedNetwork, TrainingData, train_network
from model.training.settings import RENAMED, Settings, asked_beside
from simulate.browsing.sample import SampleSettings, make_sample
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.true_attributes import artwork_attributes

SERVED = "thompson"
"""The kind of policy that a bundle is served by."""


class Inputs(NamedTuple):
    """What is learnt from."""

    examples: ExampleStream
    catalogue: Catalogue
    images: np.ndarray
    """uint8 pixels, or float32 embeddings in their place."""
    image_row: np.ndarray
    """Row of each artwork, in the catalogue's order; -1: its image cannot be had."""
    references: dict[str, pa.Table]
    """Examples of other policies on the same catalogue, to compare with, by name."""
    format: ImageFormat | None = None
    """Of the images; None: embeddings are in their place."""
    left_out: Mapping[str, str] = MappingProxyType({})
    """artwork_id → why its image cannot be had."""
    other_canvas: int = 0
    """Artworks that lack the format's canvas, and are read as another of theirs."""
    frozen: FrozenEncoder | None = None
    """What embeddings come from that stand in the pixels' place; None: from nothing here."""
    groups: tuple[tuple[str, int], ...] = ()
    """Name and width of each part of these."""


def train(settings: Settings) -> Path:
    """The whole run; gives the bundle's folder.

    Raises:
        BadInput: examples, catalogue or settings that nothing can be learnt from.
    """
    if settings.fit.threads:
        torch.set_num_threads(settings.fit.threads)
    settings = with_encoder(settings, say)
    asked = settings.increment
    if asked.of is not None and (gone_on := go_on(settings)) is not None:
        return gone_on
    inputs = load(settings)
    judged = None if asked.of is None else judged_from(inputs.examples, asked)
    read = first_pass(
        inputs.examples,
        inputs.catalogue,
        validation=settings.data.validation if judged is None else judged,
        held_out=settings.data.held_out,
        buffer=settings.fit.buffer,
        clip=settings.fit.importance_clip,
        seed=settings.seed,
        without=inputs.left_out,
    )
    spec = specification(read.statistics, settings.fit.warm_start)
    trained = train_network(settings, _training_data(settings, inputs, read, spec), say)
    if trained is None:
        return Path(settings.publish.bundles)  # of several processes the first goes on
    kept = to_keep(trained, settings, inputs.catalogue, read)
    bundle, stays_out = _finish(settings, inputs, read, spec, trained, kept)
    if asked.of is not None and stays_out:  # what is live goes on meanwhile
        return go_on(replace(settings, increment=replace(asked, refit_days=None))) or bundle
    return bundle


def go_on(settings: Settings) -> Path | None:
    """A bundle to which days were added; None: it is time for a full training, and it is said why.

    Raises:
        BadInput: there is no such bundle, or the examples hold no days that come next.
    """
    before = Bundle.open(str(settings.increment.of))
    start = replace(settings.fit, warm_start=str(before.root))  # pictures are read as it reads them
    settings = replace(settings, fit=start, data=replace(settings.data, window_days=None))
    inputs = load(settings)
    held = goes_on(before, settings, inputs.catalogue)
    if isinstance(held, str):
        say(f"no day can be added: {held}")
        return None
    days = days_to_read(inputs.examples, held.kept.read.through, settings.increment)
    if why := overdue(held.kept, days[-1].until, settings.increment.refit_days):
        say(f"training in full: {why}")
        return None
    of_log = inputs.examples, inputs.catalogue, held.spec, inputs.images, inputs.image_row
    source = DaySource(*of_log, before.manifest.reward_name, before.read_outs())
    going = PosteriorByDay(held.kept, network_of(before), source)
    read, trained = going.read(days, settings.data.held_out, say)
    return _finish(settings, inputs, read, held.spec, trained, going.kept.bounded())[0]


def _finish(
    settings: Settings,
    inputs: Inputs,
    read: FirstPass,
    spec: FeatureSpec,
    trained: TrainedNetwork,
    kept: KeptPosterior | None,
) -> tuple[Path, bool]:
    """Write the bundle, judge it, and publish it if it may go live; whether it was kept out."""
    if kept is None:
        say("no day can be added to this bundle: nights train in full (docs/operations.md)")
    bundle, stays_out = _write(settings, inputs, read, spec, trained, kept), False
    log = inputs.examples, inputs.catalogue, settings.data.cache, read.later, say
    for part in learnt_beside(bundle, *log, *asked_beside(settings)):
        bundle = replaced_with(bundle, *part)
    if settings.model.encoder != "attributes":
        of_catalogue = inputs.catalogue, inputs.references
        show_held_out_values(bundle, read.later, *of_catalogue, settings.data.cache, SERVED, say)
        stays_out = not release(bundle, inputs, read.later, settings)
    for words in left_out_words(inputs.left_out):
        say(words)
    if read.left_out:
        say(f"left out: {read.left_out:,} examples that showed one of these")
    where = settings.data.catalogue, settings.data.examples
    if None not in where and settings.model.encoder != "attributes":
        say(
            f"see it: python -m evaluate report --log {where[1]} --catalogue {where[0]} "
            f"--bundle {bundle} --since {first_moment(read.later)} --out report.html"
        )
    print(bundle)
    return bundle, stays_out


def _training_data(
    settings: Settings, inputs: Inputs, read: FirstPass, spec: FeatureSpec
) -> TrainingData:
    """The examples as the network reads them."""
    preparation = Preparation(
        *(inputs.catalogue, spec, inputs.images, inputs.image_row),
        heads=1,
        masks=settings.model.heads.masks,
        mask=settings.fit.mask,
        clip=settings.fit.importance_clip,
        decay=settings.data.decay,
        seed=settings.seed,
    )
    arrivals = arrivals_of(inputs.examples, inputs.catalogue, read.statistics.shown)
    return TrainingData.of(preparation, read, settings, arrivals, say, inputs.groups)


def _write(
    settings: Settings,
    inputs: Inputs,
    read: FirstPass,
    spec: FeatureSpec,
    trained: TrainedNetwork,
    kept: KeptPosterior | None,
) -> Path:
    """The bundle's folder."""
    publishing = settings.publish
    return write_bundle(
        trained.network,
        spec,
        publishing.bundles,
        BundleDescription(
            image=inputs.format,
            reward_name=str(read.later["reward_name"][0]),
            head_policy=HeadPolicy(SERVED, publishing.epsilon),
            salt=publishing.salt,
            parent=open_store(publishing.bundles).live(),
            metrics=trained.metrics | ({} if kept is None else kept.read.said()),
            temperature=trained.temperature,
            data={
                "examples": read.statistics.count,
                "artworks": len(inputs.catalogue.artworks) - len(inputs.left_out),
                "artworks_left_out": len(inputs.left_out),
                "artworks_of_other_canvas": inputs.other_canvas,
                "examples_left_out": read.left_out,
            },
            encoder=settings.model.encoder,
            frozen=inputs.frozen,
        ),
        read.statistics.unpersonalised_takes(),
        records=trained.records,
        posterior=kept,
        read_outs=trained.read_outs,
    )


def release(bundle: Path, inputs: Inputs, later: pa.Table, settings: Settings) -> bool:
    """Make the bundle the live one, if it is shown to be no worse; False: it was kept out."""
    if settings.publish.current is False:
        return True
    options = settings.publish

    def gate(candidate: Path, live: Path | None, anchor: Path | None) -> GateResult:
        catalogue, cache, margin = inputs.catalogue, settings.data.cache, options.margin
        return publish_gate(candidate, live, later, catalogue, margin, anchor=anchor, cache=cache)

    publication = publish(bundle, options.bundles, gate, options.force, options.undecided)
    say(f"{'published' if publication.published else 'not published'}: {publication.reason}")
    return publication.published


def load(settings: Settings) -> Inputs:
    """Read and check the examples, and the images or what stands in their place."""
    data, model = settings.data, settings.model
    cache = Path(data.cache)
    references: dict[str, pa.Table] = {}
    if data.open_bandit is not None:
        folder = cache / f"open_bandit-{data.campaign}"
        imported = open_bandit(Path(data.open_bandit), data.campaign, folder)
        examples_at, catalogue_at = Path(imported.random.examples), Path(imported.catalogue)
        references["bts"] = sample(ExampleStream(Path(imported.bts.examples)), data.held_out)
    elif data.examples is None:
        say("no --data.examples given: learning from a sample, which is made once and kept")
        sample_folders = make_sample(cache, SampleSettings(**asdict(data.sample)), progress=say)
        examples_at, catalogue_at = sample_folders.examples, sample_folders.catalogue
    elif data.catalogue is None:
        raise BadInput("--data.examples needs --data.catalogue: the folder of their catalogue")
    else:
        examples_at, catalogue_at = Path(data.examples), Path(data.catalogue)
    catalogue = Catalogue.read(catalogue_at)
    for words in undeclared(parquet_files(examples_at), read_schema(catalogue_at)):
        say(f"note: {words}")
    examples = window(ExampleStream(examples_at), data.window_days)
    if model.encoder == "attributes":
        truth = CatalogueTruth.read(catalogue_at)
        attributes = artwork_attributes(truth, catalogue.artwork_ids)
        rows = np.arange(len(catalogue.artworks))
        return Inputs(examples, catalogue, attributes, rows, references)
    read = training_pictures(settings, catalogue, say)
    about = read.format, read.left_out, read.other_canvas, read.frozen, read.groups
    return Inputs(examples, catalogue, read.images, read.image_row, references, *about)


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


def command(words: list[str]) -> None:
    """What this file does when it is run with some words."""
    args = present_names(underscored(words), RENAMED)
    told = {"args": args, "as_positional": False, "parser_class": OptionParser}
    main(lambda: train(auto_cli(Settings, **told)))


if __name__ == "__main__":
    command(sys.argv[1:])
