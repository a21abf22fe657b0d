"""Train the bandit on logged decisions, judge it off-policy, export and publish it.

    python train.py                                  # on a sample, made on the spot
    python train.py --config configs/full.yaml       # the same, at full strength
    python train.py --data.examples EXAMPLES --data.catalogue CATALOGUE

Every setting has a dotted option; --print-config shows them all, --config reads them from a file.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from rich.console import Console

from bandit.head_policy import HeadPolicy
from data.catalogue import Catalogue
from data.check.notes import undeclared
from data.command_line.option_parser import OptionParser, auto_cli, underscored
from data.command_line.renamed_options import present_names
from data.days import DAY_US
from data.errors import BadInput, main
from data.examples.stream import ExampleStream
from data.features import FeatureSpec
from data.images.cache import image_cache
from data.images.format import ImageFormat
from data.images.left_out import left_out_words
from data.importers.open_bandit import open_bandit
from data.schema import read_schema
from data.schema_cast import parquet_files
from evaluate.gate.publish_gate import GateResult, publish_gate
from evaluate.ope.support import NoSupport
from evaluate.ope.trust import to_read
from evaluate.policies.judge import policy_values
from evaluate.policies.log_only_policies import log_only_values
from evaluate.policies.policy_probabilities import TABLE, labels
from evaluate.policies.table import value_table, verdict_lines
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from export.publish.open_store import open_store
from export.publish.publish import publish
from model.training.buffered_source import Source
from model.training.dataset import Examples
from model.training.dataset_statistics import DatasetStatistics, specification
from model.training.exploring import arrivals_a_day
from model.training.featurise import Preparation
from model.training.first_pass import FirstPass, first_pass, sample, window
from model.training.fit_hierarchical import CatalogueArtworks
from model.training.image_format import format_words, image_format
from model.training.run import TrainedNetwork, TrainingData, train_network
from model.training.settings import RENAMED, Settings
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


def train(settings: Settings) -> Path:
    """The whole run; gives the bundle's folder.

    Raises:
        BadInput: examples, catalogue or settings that nothing can be learnt from.
    """
    if settings.fit.threads:
        torch.set_num_threads(settings.fit.threads)
    inputs = load(settings)
    read = first_pass(
        inputs.examples,
        inputs.catalogue,
        validation=settings.data.validation,
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
    bundle = _write(settings, inputs, read, spec, trained)
    if settings.model.encoder != "attributes":
        judge(bundle, inputs, read.later, settings)
        release(bundle, inputs, read.later, settings)
    for words in left_out_words(inputs.left_out):
        say(words)
    if read.left_out:
        say(f"left out: {read.left_out:,} examples that showed one of these")
    where = settings.data.catalogue, settings.data.examples
    if None not in where and settings.model.encoder != "attributes":
        say(
            f"see it: python -m evaluate report --log {where[1]} --catalogue {where[0]} "
            f"--bundle {bundle} --since {_first(read.later)} --out report.html"
        )
    print(bundle)
    return bundle


def _training_data(
    settings: Settings, inputs: Inputs, read: FirstPass, spec: FeatureSpec
) -> TrainingData:
    """The examples as the network reads them."""
    statistics, catalogue = read.statistics, inputs.catalogue
    as_arrays = (catalogue, spec, inputs.images, inputs.image_row)

    def prepare(heads: int) -> tuple[Source, Examples]:
        preparation = Preparation(
            *as_arrays,
            heads=heads,
            masks=settings.model.heads.masks,
            mask=settings.fit.mask,
            clip=settings.fit.importance_clip,
            decay=settings.data.decay,
            seed=settings.seed,
        )
        source = read.source(preparation, settings.fit.buffer)
        artworks = len(catalogue.artworks) - len(inputs.left_out)
        say(f"learning from {statistics.count:,} examples of {artworks:,} artworks")
        return source, preparation(read.later)

    # What networks are standardised by lacks the page's facts as often as what they learn from.
    sampled = Preparation(*as_arrays, heads=1, mask=settings.fit.mask, seed=settings.seed)
    return TrainingData(
        sampled(pa.concat_tables(statistics.sample)),
        len(spec.genres),
        statistics.mean_reward,
        CatalogueArtworks(catalogue.artwork_ids, catalogue.artworks["title_id"].to_numpy()),
        prepare,
        declared=spec.declared.artwork_columns,
        arrivals=_arrivals(inputs, statistics),
    )


def _arrivals(inputs: Inputs, statistics: DatasetStatistics) -> float:
    """Share of the artworks that come new a day of the log."""
    first, last = (moment // DAY_US for moment in inputs.examples.span())
    added = inputs.catalogue.artworks["added_day"].cast(pa.int32()).to_numpy()
    return arrivals_a_day(added, statistics.shown, last, last - first + 1)


def _write(
    settings: Settings, inputs: Inputs, read: FirstPass, spec: FeatureSpec, trained: TrainedNetwork
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
            metrics=trained.metrics,
            temperature=trained.temperature,
            data={
                "examples": read.statistics.count,
                "artworks": len(inputs.catalogue.artworks) - len(inputs.left_out),
                "artworks_left_out": len(inputs.left_out),
                "artworks_of_other_canvas": inputs.other_canvas,
                "examples_left_out": read.left_out,
            },
            encoder=settings.model.encoder,
        ),
        read.statistics.unpersonalised_takes(),
        records=trained.records,
    )


def judge(bundle: Path, inputs: Inputs, later: pa.Table, settings: Settings) -> None:
    """What the bundle and the baselines would have earned on the days that were held out."""
    names = ["random", f"{bundle}:{TABLE}", f"{bundle}:greedy", str(bundle)]
    try:
        values = policy_values(later, inputs.catalogue, names, cache=settings.data.cache)
    except NoSupport as error:
        say(f"not judged: {error}")
        return
    logged = later["reward"].to_numpy().mean()
    others = {
        f"{name}, which earned {other['reward'].to_numpy().mean():.4f}": log_only_values(
            later, inputs.catalogue, other
        )
        for name, other in inputs.references.items()
    }
    shown = labels(names, SERVED)
    values = {shown[name]: of for name, of in values.items()} | others
    read = to_read(values.values())
    title = f"on {len(later):,} held-out examples, from {_first(later)} on; logged {logged:.4f}"
    Console(stderr=True, width=140).print(value_table(values, read, title))
    for words in verdict_lines(values, read):
        say(words)
    for words in values["random"]["dr"].support.words():
        say(words)


def release(bundle: Path, inputs: Inputs, later: pa.Table, settings: Settings) -> None:
    """Make the bundle the live one, if it is shown to be no worse than the one that is."""
    if settings.publish.current is False:
        return
    margin = settings.publish.margin

    def gate(candidate: Path, live: Path | None, anchor: Path | None) -> GateResult:
        catalogue, cache = inputs.catalogue, settings.data.cache
        return publish_gate(candidate, live, later, catalogue, margin, anchor=anchor, cache=cache)

    options = settings.publish
    publication = publish(bundle, options.bundles, gate, options.force, options.undecided)
    say(f"{'published' if publication.published else 'not published'}: {publication.reason}")


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
    rows = np.arange(len(catalogue.artworks))
    if model.encoder == "attributes":
        truth = CatalogueTruth.read(catalogue_at)
        attributes = artwork_attributes(truth, catalogue.artwork_ids)
        return Inputs(examples, catalogue, attributes, rows, references)
    if model.encoder == "features":
        if catalogue.embeddings is None:
            raise BadInput(
                f"--model.encoder features needs {catalogue_at}/embeddings.npy: float32, a row an "
                "artwork; or train on images with --model.encoder cnn"
            )
        return Inputs(examples, catalogue, catalogue.embeddings, rows, references)
    shape = image_format(settings, catalogue)
    say("\n".join(format_words(shape, catalogue)))
    cached = image_cache(catalogue, cache, shape, leave_out=True)
    rows = np.array([cached.rows.get(name, -1) for name in catalogue.artwork_ids], np.int64)
    return Inputs(
        *(examples, catalogue, cached.images, rows, references, shape),
        *(cached.refused, len(cached.other_canvas)),
    )


def _first(examples: pa.Table) -> str:
    """The moment of the first of some examples, as `--since` takes it."""
    first = pc.call_function("min", [examples["time"]]).as_py()
    return first.isoformat().replace("+00:00", "Z")


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(
        lambda: train(
            auto_cli(
                Settings,
                args=present_names(underscored(sys.argv[1:]), RENAMED),
                as_positional=False,
                parser_class=OptionParser,
            )
        )
    )
