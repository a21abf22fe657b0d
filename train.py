"""Train the bandit on logged decisions, judge it off-policy, export and publish it.

    python train.py                                  # on a sample, made on the spot
    python train.py --config configs/full.yaml       # the same, at full strength
    python train.py --data.examples EXAMPLES --data.catalogue CATALOGUE

Every setting has a dotted option; --print-config shows them all, --config reads them from a file.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import lightning as L
import numpy as np
import pyarrow as pa
import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput, main
from data.examples.stream import ExampleStream
from data.features import CAST_BUCKETS, FeatureSpec
from data.images.cache import image_cache
from data.option_parser import OptionParser, auto_cli, underscored
from evaluate.ope.estimate import Estimate
from evaluate.policies.gate import GateResult, publish_gate
from evaluate.policies.judge import policy_values
from evaluate.policies.log_only_policies import log_only_values
from export.graphs.bundle import write_bundle
from export.publish.open_store import open_store
from export.publish.publish import publish
from model.heads.hierarchical import HierarchicalHeads
from model.network.image_encoder import INSTEAD_OF_PIXELS, make_encoder
from model.network.lightning_module import Learner, half_is_fast
from model.network.towers import Marquee
from model.training.calibrate import calibrate
from model.training.dataset_statistics import Summary
from model.training.featurise import Preparation
from model.training.first_pass import sample, survey, window
from model.training.fit import fit
from model.training.fit_hierarchical import fit_hierarchy
from model.training.fit_random_effects import Added, fit_record
from model.training.settings import Data, Model, Settings


class Given(NamedTuple):
    """What is learnt from."""

    examples: ExampleStream
    catalogue: Catalogue
    images: np.ndarray
    """uint8 pixels, or float32 embeddings in their place."""
    image_row: np.ndarray
    references: dict[str, pa.Table]
    """Examples of other policies on the same catalogue, to compare with, by name."""


def train(settings: Settings) -> Path:
    """The whole run; gives the bundle's folder.

    Raises:
        BadInput: examples, catalogue or settings that nothing can be learnt from.
    """
    L.seed_everything(settings.seed, verbose=False)
    if settings.fit.threads:
        torch.set_num_threads(settings.fit.threads)
    given = load(settings.data, settings.model)
    found = survey(
        given.examples, given.catalogue, validation=settings.data.validation,
        held_out=settings.data.held_out, buffer=settings.fit.buffer,
        clip=settings.fit.importance_clip, seed=settings.seed,
    )  # fmt: skip
    summary, later = found.summary, found.later
    spec = _specification(settings, summary)
    network = build(settings, given, spec, summary)
    preparation = Preparation(
        given.catalogue, spec, given.images, given.image_row,
        heads=network.context.heads.trained_heads, masks=settings.model.heads.masks,
        mask=settings.fit.mask, clip=settings.fit.importance_clip, decay=settings.data.decay,
        seed=settings.seed,
    )  # fmt: skip
    train, validation = found.source(preparation, settings.fit.buffer), preparation(later)
    half = settings.fit.half == "yes" or (settings.fit.half == "auto" and half_is_fast())
    learner = Learner(
        network, settings.fit.rate, settings.fit.decay, settings.fit.catalogue_share,
        settings.fit.zoom_share, settings.fit.recolour, half=half, seed=settings.seed,
    )  # fmt: skip
    say(f"learning from {summary.count:,} examples of {len(given.catalogue.artworks):,} artworks")
    metrics = fit(learner, train, validation, settings.fit, Path(settings.out), settings.seed)
    if learner.global_rank:
        return Path(settings.publish.bundles)  # of several processes the first goes on
    ids = given.catalogue.artwork_ids
    if isinstance(network.context.heads, HierarchicalHeads):
        say("the heads' closed form, from all examples again")
        explored = settings.model.own.temperature
        records, gained = fit_hierarchy(learner, train, given.catalogue, explored), {}
    else:
        records, gained = fit_record(learner, train, ids, settings.model.own)
    own = None if records is None else Added(records, ids)
    temperature, told = calibrate(learner, validation, 4 * settings.fit.artworks, own)
    pixels = settings.model.encoder not in INSTEAD_OF_PIXELS
    bundle = write_bundle(
        network, spec, settings.publish.bundles,
        image={"height": settings.data.height, "width": settings.data.width} if pixels else None,
        reward_name=str(later["reward_name"][0]),
        policy={"kind": "thompson", "epsilon": settings.publish.epsilon,
                "salt": settings.publish.salt},
        parent=open_store(settings.publish.bundles).live(), metrics=metrics | gained | told,
        unpersonalised=summary.unpersonalised_takes(), temperature=temperature,
        records=records,
        data={"examples": summary.count, "artworks": len(given.catalogue.artworks),
              "encoder": settings.model.encoder},
    )  # fmt: skip
    if settings.model.encoder != "attributes":
        judge(bundle, given, later, settings)
        release(bundle, given, later, settings)
    print(bundle)
    return bundle


def judge(bundle: Path, given: Given, later: pa.Table, settings: Settings) -> None:
    """What the bundle and the baselines would have earned on the days that were held out."""
    names = ["random", "unpersonalised", f"{bundle}:greedy", f"{bundle}:thompson"]
    values = policy_values(later, given.catalogue, names, cache=settings.data.cache)
    logged = later["reward"].to_numpy().mean()
    table = Table(title=f"on {len(later):,} held-out examples; logged {logged:.4f}")
    table.add_column("policy")
    for estimator in values["random"]:
        table.add_column(estimator, justify="right")
    for name, estimates in values.items():
        table.add_row(name.rpartition(":")[2], *(_interval(e) for e in estimates.values()))
    for name, other in given.references.items():
        rewards = other["reward"].to_numpy()
        estimates = log_only_values(later, given.catalogue, other)
        earned = f"{name}, which earned {rewards.mean():.4f}"
        table.add_row(earned, *(_interval(e) for e in estimates.values()))
    Console(stderr=True, width=140).print(table)


def release(bundle: Path, given: Given, later: pa.Table, settings: Settings) -> None:
    """Make the bundle the live one, unless it is judged worse than the one that is."""
    if settings.publish.current is False:
        return
    margin = settings.publish.margin

    def gate(candidate: Path, live: Path) -> GateResult:
        return publish_gate(
            candidate, live, later, given.catalogue, margin, cache=settings.data.cache
        )

    done = publish(bundle, settings.publish.bundles, gate, settings.publish.force)
    say(f"{'published' if done.published else 'not published'}: {done.reason}")


def load(data: Data, model: Model) -> Given:
    """Read and check the examples, and the images or what stands in their place."""
    cache = Path(data.cache)
    references: dict[str, pa.Table] = {}
    if data.open_bandit is not None:
        from data.importers.open_bandit import open_bandit

        folder = cache / f"open_bandit-{data.campaign}"
        told = open_bandit(Path(data.open_bandit), data.campaign, folder)
        examples_at, catalogue_at = Path(told.random.examples), Path(told.catalogue)
        references["bts"] = sample(ExampleStream(Path(told.bts.examples)), data.held_out)
    elif data.examples is None:
        from simulate.browsing.sample import SampleSettings, make_sample

        say("no --data.examples given: learning from a sample, which is made once and kept")
        found = make_sample(cache, SampleSettings(**asdict(data.sample)), progress=say)
        examples_at, catalogue_at = found.examples, found.catalogue
    elif data.catalogue is None:
        raise BadInput("--data.examples needs --data.catalogue: the folder of their catalogue")
    else:
        examples_at, catalogue_at = Path(data.examples), Path(data.catalogue)
    catalogue = Catalogue.read(catalogue_at)
    examples = window(ExampleStream(examples_at), data.window_days)
    rows = np.arange(len(catalogue.artworks))
    if model.encoder == "attributes":
        from simulate.world.catalogue_truth import CatalogueTruth
        from simulate.world.true_attributes import artwork_attributes

        truth = CatalogueTruth.read(catalogue_at)
        seen = artwork_attributes(truth, catalogue.artwork_ids)
        return Given(examples, catalogue, seen, rows, references)
    if model.encoder == "features":
        if catalogue.embeddings is None:
            raise BadInput(
                f"--model.encoder features needs {catalogue_at}/embeddings.npy: float32, a row an "
                "artwork; or train on images with --model.encoder cnn"
            )
        return Given(examples, catalogue, catalogue.embeddings, rows, references)
    cached = image_cache(catalogue, cache, height=data.height, width=data.width)
    rows = cached.of(list(catalogue.artwork_ids))
    return Given(examples, catalogue, cached.images, rows, references)


def build(settings: Settings, given: Given, spec: FeatureSpec, summary: Summary) -> Marquee:
    """The untrained network, of the sizes that the features have."""
    model = settings.model
    pixels = model.encoder not in INSTEAD_OF_PIXELS
    shapes = Preparation(given.catalogue, spec, given.images, given.image_row, heads=1)
    some, mean = shapes(pa.concat_tables(summary.sample)), summary.mean_reward
    encoder = make_encoder(model.encoder, model.weights, model.embedding) if pixels else None
    width = given.images.shape[1] if encoder is None else encoder.embedding
    network = Marquee(
        encoder,
        embedding=width, context=some.context.dense.shape[1],
        title=some.candidates.dense.shape[1], genres=len(spec.genres), buckets=CAST_BUCKETS,
        kind=model.heads.kind, heads=model.heads.count, rank=model.rank, prior=model.heads.prior,
        prior_scale=model.heads.prior_scale, base=float(np.log(mean / (1 - mean))),
        seed=settings.seed,
    )  # fmt: skip
    network.context.frozen.standardise(torch.from_numpy(some.context.dense))
    if settings.fit.warm_start is not None:
        state = load_file(Bundle.open(settings.fit.warm_start).file("weights.safetensors"))
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise BadInput(
                f"--fit.warm-start {settings.fit.warm_start} does not fit --model: "
                f"{str(error).splitlines()[1].strip()}"
            ) from None
    return network


def _specification(settings: Settings, summary: Summary) -> FeatureSpec:
    """Learnt from the examples; that of the bundle which training starts from, if any."""
    if settings.fit.warm_start is not None:
        bundle = Bundle.open(settings.fit.warm_start)
        return FeatureSpec.from_json(bundle.file("features.json").read_text())
    return summary.specification()


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    arguments = underscored(sys.argv[1:])
    main(
        lambda: train(
            auto_cli(Settings, args=arguments, as_positional=False, parser_class=OptionParser)
        )
    )
