"""The artwork environment of the learning benchmark: a catalogue, an embedding, members."""

import os
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np

from bench.learning.stage import Stage
from bench.small_demo import DemoFolders
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache
from serve.scoring.artwork_vectors import refuse_pixels_alone
from serve.scoring.scorer import Scorer
from simulate.named_rng import named_seed
from simulate.posters.subjects import Subjects
from simulate.testbeds.artwork_rounds import ArtworkRounds
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import write_catalogue

MEMBERS = 4000
TITLES, ARTWORKS, SEED = 60, 6, 7
DAYS = 14
KEPT = 24
"""Numbers of a context and of a candidate where not all are given."""
CUT_OUTS = Path("sample/artwork")
RENDERED = Path("artifacts/cache")
"""Where catalogues rendered for the benchmark are kept."""


def prepared_catalogue(subjects: Path | None, catalogue: Path | None) -> Path:
    """The catalogue to play on; without one, rendered from cut-outs once and kept.

    Its seed is not that of the sample that models are trained on: no learner met this artwork.
    """
    if catalogue is not None:
        return catalogue
    cut_outs = subjects or CUT_OUTS
    mark = f"{named_seed('learning', str(cut_outs)):016x}"
    out = RENDERED / f"learning-{TITLES}x{ARTWORKS}-{SEED}-{mark[:8]}"
    if not out.is_dir():
        write_catalogue(Subjects.read(str(cut_outs)), TITLES, ARTWORKS, SEED, out)
    return out


def encoder_bundle(bundle: Path | None) -> str:
    """The bundle whose encoder embeds: the given one, or the live one.

    Raises:
        BadInput: there is none, or it has no encoder.
    """
    folder = bundle or DemoFolders.bundle
    if not (folder / "encoder.onnx").is_file():
        raise BadInput(
            f"{folder}/encoder.onnx is missing: train a model first (make demo), give --bundle, or "
            "take --looks raw"
        )
    return os.fspath(folder.resolve())


def whole_stage(catalogue: Path, bundle: str, seed: int, rounds: int, days: int = DAYS) -> Stage:
    """Like `artwork_stage`, with all that the product's own network reads.

    Args:
        catalogue: with its truth.
        bundle: whose encoder embeds; empty: raw colours and edges.
        seed: of the members.
        rounds: in all days together.
        days: the first so many.
    """
    place = replace(_rounds(catalogue, bundle, seed, kept=0), reading=bool(bundle), days=days)
    return replace(_stage(place), whole=place.whole, per_day=-(-rounds // days))


def artwork_stage(catalogue: Path, bundle: str, seed: int) -> Stage:
    """Members of a seed before the catalogue; an embedding of its pixels is given to all.

    Args:
        catalogue: with its truth.
        bundle: whose encoder embeds; empty: raw colours and edges.
        seed: of the members.
    """
    return _stage(_rounds(catalogue, bundle, seed, kept=KEPT))


def _rounds(catalogue: Path, bundle: str, seed: int, kept: int) -> ArtworkRounds:
    world = ArtworkWorld.read(catalogue, MEMBERS, 10_000 + seed)
    embedding, groups = _embedding(catalogue, bundle)
    return ArtworkRounds(world, embedding, DAYS, kept=kept, groups=groups)


def _stage(place: ArtworkRounds) -> Stage:
    return Stage(
        place,  # type: ignore  # cached properties are properties
        lambda rounds: rounds.contexts,
        place.features,
        binary=True,
        fixed=False,
    )


@lru_cache(2)
def _embedding(catalogue: Path, bundle: str) -> tuple[np.ndarray, tuple[tuple[str, int], ...]]:
    """Of every artwork, and its groups where it has any."""
    held = Catalogue.read(catalogue)
    scorer = Scorer(bundle) if bundle else None
    size = None if scorer is None else scorer.manifest.image
    with tempfile.TemporaryDirectory() as folder:
        cache = image_cache(held, Path(folder), *(() if size is None else (size,)))
        images = np.array(cache.images[cache.of(held.artwork_ids)])
    if scorer is None:
        return descriptors(images), ()
    refuse_pixels_alone(scorer)
    said = cast("list[tuple[str, int]]", (scorer.manifest.network or {}).get("groups", []))
    return scorer.embed(images), tuple((name, width) for name, width in said)


def descriptors(images: np.ndarray) -> np.ndarray:
    """Mean colour and edge strength on a grid of 4 × 6: [images, 96]."""
    count, _, height, width = images.shape
    x = images[:, :, : height - height % 4, : width - width % 6].astype(np.float32) / 255
    grey = x.mean(1)
    edges = np.abs(np.diff(grey, axis=1, prepend=grey[:, :1])) + np.abs(
        np.diff(grey, axis=2, prepend=grey[:, :, :1])
    )
    maps = np.concatenate([x, edges[:, None]], 1)
    tall, wide = maps.shape[2] // 4, maps.shape[3] // 6
    return maps.reshape(count, 4, 4, tall, 6, wide).mean((3, 5)).reshape(count, -1)
