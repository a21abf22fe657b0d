"""What eyes say of a catalogue's pictures, by group, computed once a content and kept on disk."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from jaxtyping import Float, Int, UInt8

from data.catalogue import Catalogue
from data.images.cache import image_cache
from data.images.format import ImageFormat
from data.images.vector_cache import Embed, VectorCache, VectorRows
from model.eyes.open_eyes import Eyes
from model.eyes.pixel_graph import IMAGE, FeatureGroup, PixelGraph, together

BATCH = 32
"""Images that ONNX Runtime reads at a time."""
AT_ONCE = 512
"""Images whose numbers are worked on together."""


def usable_cores() -> int:
    """Cores that this process may use; all, where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_graph(model: onnx.ModelProto | bytes, threads: int = 0) -> Embed:
    """What computes all outputs of a graph from pixels, side by side.

    Args:
        model: a graph, or one written out.
        threads: of ONNX Runtime; 0: one a core that this process may use.
    """
    raw = model if isinstance(model, bytes) else model.SerializeToString()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(raw, options, providers=["CPUExecutionProvider"])

    def embed(images: UInt8[np.ndarray, "images 3 height width"]) -> np.ndarray:
        batches = (images[at : at + BATCH] for at in range(0, len(images), BATCH))
        given = (session.run(None, {IMAGE: batch}) for batch in batches)
        return np.concatenate([np.concatenate([*map(np.asarray, of)], 1) for of in given])

    return embed


@dataclass(frozen=True)
class Features:
    """Numbers of pictures by group; they lie on disk, and are read some pictures at a time."""

    groups: tuple[FeatureGroup, ...]
    rows: VectorRows

    def __len__(self) -> int:
        return len(self.rows.at)

    def of(
        self, pictures: slice | Int[np.ndarray, " some"] = slice(None)
    ) -> dict[str, Float[np.ndarray, "some numbers"]]:
        """Group → the numbers of some pictures, or of all."""
        whole = self.rows.of(pictures)
        edges = np.cumsum([group.width for group in self.groups])[:-1]
        parts = np.split(whole, edges, 1)
        return {group.name: part for group, part in zip(self.groups, parts, strict=True)}

    def blocks(self) -> Iterator[Mapping[str, Float[np.ndarray, "some numbers"]]]:
        """All of them in turn, in memory that does not grow."""
        for at in range(0, len(self), AT_ONCE):
            yield self.of(slice(at, at + AT_ONCE))


def seen(
    graph: PixelGraph,
    images: UInt8[np.ndarray, "all 3 height width"],
    wanted: Int[np.ndarray, " pictures"],
    cache: Path,
    words: str | None = None,
) -> Features:
    """What a graph says of some images.

    Args:
        graph: of the eyes.
        images: pixels, of the size that it reads.
        wanted: rows of them.
        cache: folder in which vectors are kept.
        words: for a progress bar on stderr; None: none is shown.
    """
    held = VectorCache(cache, graph.key, graph.width)
    run: list[Embed] = []

    def embed(some: UInt8[np.ndarray, "images 3 height width"]) -> np.ndarray:
        if not run:  # a session is opened only where something is to be computed
            run.append(run_graph(graph.model))
        return run[0](some)

    return Features(graph.groups, held.rows(images, wanted, embed, words))


def catalogue_features(
    catalogue: Catalogue, eyes: Eyes, usual_format: ImageFormat, cache: Path
) -> Features:
    """What eyes say of every artwork of a catalogue, in its order.

    Args:
        catalogue: whose pictures; all must be there.
        eyes: to look through.
        usual_format: of images, as suits the catalogue.
        cache: folder of decoded images and of vectors.

    Raises:
        BadInput: a picture that cannot be had, or eyes that cannot be opened.
    """
    shape = eyes.format(usual_format, told=False)
    decoded = image_cache(catalogue, cache, shape)
    graph = together([eye.graph((shape.height, shape.width)) for eye in eyes.each])
    wanted = decoded.of(catalogue.artwork_ids)
    return seen(graph, decoded.images, wanted, cache, "looking at artwork")
