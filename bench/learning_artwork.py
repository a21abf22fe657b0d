"""The artwork environment of the learning benchmark: a catalogue, an embedding, members."""

import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from bench.learning_problem import Stage
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images import image_cache
from simulate.artwork_rounds import ArtworkRounds
from simulate.artwork_world import ArtworkWorld

MEMBERS = 4000
TITLES, ARTWORKS = 60, 6


def prepared_catalogue(subjects: Path | None, catalogue: Path | None) -> Path:
    """The catalogue to play on, rendered from cut-outs if only those are given.

    Raises:
        BadInput: neither is given.
    """
    if catalogue is not None:
        return catalogue
    if subjects is None:
        raise BadInput(
            "--environment artwork needs --catalogue (rendered by `python -m simulate catalogue`) "
            "or --subjects (a folder of cut-outs)"
        )
    from simulate.catalogue import write_catalogue
    from simulate.subjects import Subjects

    out = Path(tempfile.mkdtemp(prefix="marquee-learning-")) / "catalogue"
    write_catalogue(Subjects.read(str(subjects)), TITLES, ARTWORKS, 7, out)
    return out


def artwork_stage(catalogue: Path, bundle: str, seed: int) -> Stage:
    """Members of a seed before the catalogue; an embedding of its pixels is given to all.

    Args:
        catalogue: with its truth.
        bundle: whose encoder embeds; empty: raw colours and edges.
        seed: of the members.
    """
    world = ArtworkWorld.read(catalogue, MEMBERS, 10_000 + seed)
    world_rounds = ArtworkRounds(world, _embedding(catalogue, bundle))
    return Stage(
        world_rounds,  # type: ignore  # cached properties are properties
        lambda rounds: rounds.contexts,
        world_rounds.features,
        binary=True,
        fixed=False,
    )


@lru_cache(2)
def _embedding(catalogue: Path, bundle: str) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        held = Catalogue.read(catalogue)
        cache = image_cache(held, Path(folder))
        images = np.array(cache.images[cache.of(held.artwork_ids)])
    if not bundle:
        return descriptors(images)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(Path(bundle) / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: images[at : at + 32]})[0] for at in range(0, len(images), 32)]
    return np.concatenate([np.asarray(part) for part in parts])


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
