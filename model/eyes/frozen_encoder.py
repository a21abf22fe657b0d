"""An encoder that learns nothing from rewards: the leading directions of each group that eyes give.

They are fitted on the catalogue that is trained on, each group scaled to mean square 1, and become
the end of the encoder's graph: so pictures that nobody has shown are seen the same way.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from data.bundle import Bundle
from data.errors import BadInput
from data.images.format import ImageFormat
from data.images.vector_cache import VectorCache
from model.eyes.features import Features, run_graph, seen
from model.eyes.open_eyes import GIVEN, Eyes
from model.eyes.pixel_graph import LinearReadout, PixelGraph, together, with_readouts

DIRECTIONS = 256
"""Of each group: heads read the first few, what is read of pictures reads all."""
LARGEST_NUMBER = 1e15
"""Of a picture: sums of its squares over a catalogue are still numbers."""
LEAST_SHARE = 1e-3
"""Of the largest deviation of a group: numbers that vary less are taken for constant."""
PROBE, TOLERANCE = 8, 1e-4
"""Images that a graph is tried on, and how far it may be from what was computed in NumPy."""


@dataclass(frozen=True)
class FrozenEncoder:
    """A graph from pixels to an embedding, as a bundle holds it."""

    graph: bytes
    groups: tuple[tuple[str, int], ...]
    """Name and width of each part of the embedding, in their order."""

    @property
    def key(self) -> str:
        """As `Manifest.encoder_version` has it."""
        return hashlib.sha256(self.graph).hexdigest()

    @property
    def embedding(self) -> int:
        """Numbers of an image."""
        return sum(width for _, width in self.groups)

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> "FrozenEncoder":
        """That of a bundle whose encoder learnt nothing: what goes on from it sees as it does."""
        manifest = bundle.manifest
        assert manifest.encoder is not None, "it reads pixels"
        groups = (manifest.network or {}).get("groups", ())
        assert isinstance(groups, list | tuple)
        named = tuple((str(name), int(width)) for name, width in groups if name != GIVEN)
        return cls(bundle.file(manifest.encoder).read_bytes(), named)

    def embed(
        self,
        images: UInt8[np.ndarray, "all 3 height width"],
        wanted: Int[np.ndarray, " pictures"],
        cache: Path,
    ) -> Float[np.ndarray, "pictures embedding"]:
        """Embeddings of some images, in their order; kept where those who serve look for them."""
        held = VectorCache(cache, self.key, self.embedding)
        return held.rows(images, wanted, run_graph(self.graph), "looking at artwork").of()


def leading_directions(features: Features, count: int = DIRECTIONS) -> list[LinearReadout]:
    """The directions in which pictures differ most, of each group on its own.

    Numbers are standardised first. Each read-out has mean 0, and mean square 1 over its numbers.

    Args:
        features: of the catalogue.
        count: directions of each group, at most.

    Raises:
        BadInput: an eye says of a picture what is no number, or too large a one.
    """
    sums = {group.name: np.zeros(group.width) for group in features.groups}
    for block in features.blocks():
        for name, numbers in block.items():
            _refuse_wild(name, numbers)
            sums[name] += numbers.sum(0, dtype=np.float64)
    means = {name: (total / len(features)).astype(np.float32) for name, total in sums.items()}
    products = {group.name: np.zeros((group.width,) * 2) for group in features.groups}
    for block in features.blocks():
        for name, numbers in block.items():
            centred = numbers - means[name]
            products[name] += centred.T @ centred
    few = max(1, min(count, len(features) - 1))
    return [
        _leading(group.name, means[group.name], products[group.name] / len(features), few)
        for group in features.groups
    ]


def _refuse_wild(name: str, numbers: Float[np.ndarray, "some numbers"]) -> None:
    wild = ~(np.abs(numbers) < LARGEST_NUMBER)  # NaN is not below
    if wild.any():
        said = numbers[wild][0]
        raise BadInput(
            f"--model.encoder says {said:g} in {name} of {int(wild.any(1).sum()):,} pictures of "
            f"{len(numbers):,}, which is no number to learn from; mend that model, or leave its "
            "output out"
        )


def _leading(name: str, mean: np.ndarray, covariance: np.ndarray, count: int) -> LinearReadout:
    deviation = np.sqrt(np.diag(covariance))
    least = max(1e-6, LEAST_SHARE * float(deviation.max(initial=0.0)))
    inverse = np.where(deviation > least, 1 / np.maximum(deviation, least), 0.0)
    values, vectors = np.linalg.eigh(covariance * inverse * inverse[:, None])
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    vectors = vectors * np.where(vectors.sum(0) < 0, -1.0, 1.0)  # of two signs always one
    size = np.sqrt(max(float(values.clip(0).mean()), 1e-12))
    matrix = (inverse[:, None] * vectors / size).astype(np.float32)
    return LinearReadout(name, {name: (mean, matrix)}, np.zeros(matrix.shape[1], np.float32))


@dataclass(frozen=True)
class Looked:
    """A catalogue through eyes."""

    encoder: FrozenEncoder
    embeddings: Float[np.ndarray, "pictures embedding"]
    """Of the images that were asked for, in their order."""
    numbers: int
    """Of a picture, before the leading directions."""


def look(
    eyes: Eyes,
    shape: ImageFormat,
    images: UInt8[np.ndarray, "all 3 height width"],
    wanted: Int[np.ndarray, " pictures"],
    cache: Path,
    directions: int = DIRECTIONS,
) -> Looked:
    """Look at images, and fit the encoder on them.

    Args:
        eyes: to look through.
        shape: of the images.
        images: pixels.
        wanted: rows of them: those of the catalogue.
        cache: folder in which what eyes say is kept.
        directions: of each group.

    Raises:
        BadInput: eyes that cannot be opened.
    """
    graph = together([eye.graph((shape.height, shape.width)) for eye in eyes.each])
    features = seen(graph, images, wanted, cache, "looking at artwork")
    return fitted(graph, features, leading_directions(features, directions), images, wanted, cache)


def fitted(
    graph: PixelGraph,
    features: Features,
    readouts: list[LinearReadout],
    images: UInt8[np.ndarray, "all 3 height width"],
    wanted: Int[np.ndarray, " pictures"],
    cache: Path,
) -> Looked:
    """The encoder that ends in read-outs of what a graph says, and its embeddings of images.

    Args:
        graph: of the eyes.
        features: what it said of the images.
        readouts: that the embedding is made of, side by side.
        images: pixels.
        wanted: rows of them.
        cache: folder in which embeddings are kept, for those who serve.

    Raises:
        BadInput: what is kept of the eyes is not what they say here.
    """
    blocks = [np.concatenate([of(block) for of in readouts], 1) for block in features.blocks()]
    embeddings = np.concatenate(blocks)
    raw = with_readouts(graph, readouts).SerializeToString(deterministic=True)
    encoder = FrozenEncoder(raw, tuple((of.name, of.width) for of in readouts))
    probe = np.unique(np.linspace(0, len(wanted) - 1, PROBE).astype(int))
    said = run_graph(raw)(np.ascontiguousarray(images[wanted[probe]]))
    apart = np.abs(said - embeddings[probe]) / np.maximum(1.0, np.abs(embeddings[probe]))
    if not float(apart.max(initial=0.0)) <= TOLERANCE:
        raise BadInput(
            f"the encoder's graph is {apart.max():.2g} from what {cache} keeps of its eyes; remove "
            "vectors-* there, and train again"
        )
    VectorCache(cache, encoder.key, encoder.embedding).put(images, wanted, embeddings)
    return Looked(encoder, embeddings, graph.width)
