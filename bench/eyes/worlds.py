"""Worlds that eyes are judged on: trainings on the demo's log, new posters, and a theatre."""

import logging
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from bench.eyes.parts import PreparationWithout, without
from bench.eyes.tuned import tuned_encoder
from bench.strangers.learner import learnt_bundle
from bench.strangers.records import write_catalogue, write_examples
from bench.strangers.reports import told_settings
from bench.strangers.truth import true_values
from bench.strangers.world import Theatre, TheatreSize
from data.catalogue import Catalogue
from evaluate.new_artwork.cold_start import WorldSize, new_world, opened_world
from evaluate.new_artwork.exact_takes import baseline_takes, exact_takes
from evaluate.policies.bundle_scores import BundleScores, embeddings
from model.training.settings import Data, Fit, Model, Publish, Settings
from serve.scoring.scorer import Scorer
from simulate.posters.subjects import Subjects, named
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.true_attributes import artwork_attributes

TOLD = "attributes"
"""The encoder that is told what others see of the demo's posters."""
SUBJECTS, HELD_OUT = "sample/artwork", "sample/held_out.txt"
KINDS = {"unseen": (None, HELD_OUT), "seen": (HELD_OUT, None)}
"""New posters, by their cut-outs: those to leave out, and the only ones to use."""


class Variant(NamedTuple):
    """What is trained with."""

    encoder: str
    """As `--model.encoder`; with `@HEIGHTxWIDTH` for pictures of another size, and `~labels` or
    `~self` behind one of the published eyes where its last blocks are tuned."""
    without: str = ""
    """A part of what is read of pictures."""

    @property
    def name(self) -> str:
        """Of the encoder, without its size."""
        return self.encoder.partition("@")[0]

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of pictures; None: as training chooses."""
        sides = self.encoder.partition("@")[2]
        if not sides:
            return None
        height, _, width = sides.partition("x")
        return int(height), int(width)


TOLD_LOOKS, TOLD_TAGS = Variant("looks told"), Variant("looks told as tags")
STAGE_TOLD = (TOLD_LOOKS, TOLD_TAGS)
"""What is trained in a theatre on true looks: numbers in `embeddings.npy`, or declared facts."""


class Budget(NamedTuple):
    """How much is trained and judged."""

    epochs: int = 24
    visits: int = 12
    validate_every: int = 4
    world: WorldSize = WorldSize(60, 6, 500)
    theatre: TheatreSize = TheatreSize()


QUICK = Budget(1, 1, 1, WorldSize(8, 4, 20), TheatreSize(plays=8, visitors=300, rows=4000))


class Demo(NamedTuple):
    """What `make demo` made."""

    catalogue: Path
    examples: Path


def trained_on_demo(demo: Demo, of: Variant, budget: Budget, at: Path) -> tuple[Path, float]:
    """A bundle, and the processor seconds that training took, looking and tuning included."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    began = time.process_time()
    name = tuned_encoder(of.name, demo.catalogue, demo.examples, at / "tuned")
    settings = _settings(of._replace(encoder=name), at, budget)
    told = None
    if of.encoder == TOLD:
        ids = Catalogue.read(demo.catalogue).artwork_ids
        told = artwork_attributes(CatalogueTruth.read(demo.catalogue), ids)
    prepared = partial(PreparationWithout, part=of.without)
    bundle, _ = learnt_bundle(demo.examples, demo.catalogue, settings, prepared, told)
    return bundle, round(time.process_time() - began, 1)


def new_posters(
    bundle: Path, of: Variant, kind: str, seed: int, keep: Path, size: WorldSize
) -> dict[str, float]:
    """Exact takes of a bundle's policies, of random and of the oracle, on posters of a seed.

    Args:
        bundle: to judge.
        of: how it was trained; what was left out there says nothing here either.
        kind: of `KINDS`.
        seed: of posters and members.
        keep: where posters are kept that were rendered, and decoded.
        size: of the world.
    """
    folder = keep / f"posters-{kind}-{seed}-{'x'.join(map(str, size))}"
    if not folder.is_dir():
        exclude, include = KINDS[kind]
        pool = Subjects.read(SUBJECTS, named(exclude), named(include))
        with TemporaryDirectory(dir=keep, prefix="rendering-") as scratch:
            new_world(pool, size, seed, Path(scratch) / "catalogue", workers=1)
            (Path(scratch) / "catalogue").rename(folder)
    world, catalogue = opened_world(folder, size.members, seed), Catalogue.read(folder)
    scorer = Scorer(bundle)
    scorer.read_outs = without(of.without, scorer.read_outs)
    seen = embeddings(scorer, catalogue, keep / "cache").values
    artworks = scorer.artworks(seen, catalogue.titles, catalogue.artworks)
    takes = baseline_takes(world) | exact_takes(BundleScores(scorer, artworks), world)
    return {name: float(of.mean()) for name, of in takes.items()}


def theatre_values(of: Variant, seed: int, budget: Budget) -> tuple[dict[str, float], float]:
    """Exact takes in a theatre of a seed, on its own posters, and processor seconds of training.

    Args:
        of: what is trained with; for those of `STAGE_TOLD` the true looks stand in place of
            pictures.
        seed: of the theatre and of training.
        budget: its size.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    theatre = Theatre(budget.theatre, seed)
    with TemporaryDirectory(prefix="marquee-eyes-") as scratch:
        at = Path(scratch)
        told, tags = of in STAGE_TOLD, of == TOLD_TAGS
        catalogue = write_catalogue(theatre, at / "catalogue", not told, tags)
        examples = write_examples(theatre, theatre.rows(), at / "examples")
        settings = told_settings(at, seed)
        settings.fit.threads = 1
        torch.set_num_threads(1)
        began = time.process_time()
        if not told:
            settings.model.encoder = tuned_encoder(of.name, catalogue.root, examples, at / "tuned")
            settings.data.height, settings.data.width = of.size or (None, None)
        bundle, _ = learnt_bundle(examples, catalogue.root, settings)
        seconds = round(time.process_time() - began, 1)
        return true_values(theatre, catalogue, bundle, at / "cache"), seconds


def _settings(of: Variant, at: Path, budget: Budget) -> Settings:
    """Those of `configs/demo.yaml`."""
    height, width = of.size or (None, None)
    return Settings(
        data=Data(cache=str(at / "cache"), height=height, width=width),
        model=Model(of.name),
        fit=Fit(
            epochs=budget.epochs,
            visits=budget.visits,
            validate_every=budget.validate_every,
            threads=1,
            progress=False,
        ),
        publish=Publish(str(at / "bundles")),
        out=str(at / "run"),
    )
