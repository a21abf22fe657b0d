"""From a bundle and a catalogue to what precompute and the live service decide with."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int, UInt8

from bandit.head_policy import HeadPolicy
from data.atomic_write import whole_file
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache
from serve.maps.layout import Layout
from serve.scoring.served_policy import MemberFunctionals, ServedPolicy

BATCH = 64


class CanScore(Protocol):
    """What is asked of `serve.scoring.scorer.Scorer`."""

    manifest: Any
    spec: Any

    def embed(self, images: UInt8[np.ndarray, "images 3 height width"]) -> np.ndarray:
        """Embeddings of images."""
        ...

    def vectors(self, embeddings: np.ndarray, titles: pa.Table, artworks: pa.Table) -> np.ndarray:
        """Candidate vectors of artworks."""
        ...

    def functionals(self, features: Any) -> np.ndarray:
        """Every head's functional for every member."""
        ...


def policy_of(scorer: CanScore) -> ServedPolicy:
    """The bundle's policy."""
    manifest = scorer.manifest
    policy = manifest["policy"]
    heads = HeadPolicy.named(policy["kind"], policy["epsilon"])
    return ServedPolicy(manifest["bundle_id"], heads, policy["salt"])


def describe(scorer: CanScore, facts: pa.StructArray) -> MemberFunctionals:
    """Facts as functionals, with a fingerprint of the features that they became."""
    from data.features import context_features

    features = context_features(scorer.spec, facts)
    columns = [np.ascontiguousarray(column) for column in features]
    prints = [crc32(b"".join(c[row].tobytes() for c in columns)) for row in range(len(facts))]
    return MemberFunctionals(scorer.functionals(features), np.array(prints, np.int64))


@dataclass
class BundleFacts:
    """`describe` for other processes: travels as a path, opens the bundle where it arrives."""

    bundle: Path
    _scorer: Any = field(default=None, repr=False)

    def __call__(self, facts: pa.StructArray) -> MemberFunctionals:
        """Facts as functionals."""
        if self._scorer is None:
            self._scorer = open_scorer(self.bundle)
        return describe(self._scorer, facts)

    def __getstate__(self) -> dict[str, Any]:
        return {"bundle": self.bundle, "_scorer": None}


def open_scorer(bundle: Path) -> Any:
    """The bundle's scorer; imports ONNX Runtime only now."""
    from serve.scoring.scorer import Scorer

    return Scorer(bundle)


def artwork_vectors(
    scorer: CanScore, catalogue: Catalogue, layout: Layout, cache: Path
) -> Float[np.ndarray, "artworks dimension"]:
    """Candidate vectors in the layout's order.

    Embeddings are kept in `cache` by encoder and pixels: an image is embedded once per encoder.
    A bundle without encoder takes the catalogue's own embeddings.

    Raises:
        BadInput: an image cannot be decoded, or embeddings are missing or of another width.
    """
    size = scorer.manifest["image"]
    if size is None:
        return scorer.vectors(*_given(scorer, catalogue, layout.artwork_ids))
    cached = image_cache(catalogue, cache, height=size["height"], width=size["width"], quiet=True)
    embeddings = _embeddings(scorer, cached.images, cached.of(layout.artwork_ids), cache)
    at = _rows(catalogue, layout.artwork_ids)
    return scorer.vectors(embeddings, catalogue.titles, catalogue.artworks.take(at))


def _rows(catalogue: Catalogue, artwork_ids: Sequence[str]) -> pa.Array:
    rows = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
    return pa.array([rows[artwork] for artwork in artwork_ids], pa.int64())


def _given(
    scorer: CanScore, catalogue: Catalogue, artwork_ids: Sequence[str]
) -> tuple[np.ndarray, pa.Table, pa.Table]:
    """The catalogue's embeddings of some artworks, with what `vectors` takes beside them."""
    embeddings = catalogue.embeddings
    if embeddings is None:
        raise BadInput(
            f"bundle {scorer.manifest['bundle_id']} was trained on embeddings in place of images, "
            f"and {catalogue.root} has no embeddings.npy; add it with a row for each artwork"
        )
    at = _rows(catalogue, artwork_ids)
    return embeddings[at.to_numpy()], catalogue.titles, catalogue.artworks.take(at)


def _embeddings(
    scorer: CanScore, images: np.ndarray, rows: Int[np.ndarray, " artworks"], cache: Path
) -> Float[np.ndarray, "artworks embedding"]:
    """Embeddings of some rows of the image cache, in their order; only unseen ones are computed."""
    wanted, back = np.unique(rows, return_inverse=True)
    names = [hashlib.blake2b(images[row].tobytes(), digest_size=16).hexdigest() for row in wanted]
    used = scorer.manifest.get("encoder") or "encoder.onnx"
    encoder = scorer.manifest.get("files", {}).get(used, {}).get("sha256")
    file = cache / f"embeddings-{(encoder or scorer.manifest['bundle_id'])[:16]}.npz"
    known: dict[str, np.ndarray] = {}
    if file.is_file():
        with np.load(file) as held:
            known = dict(zip(held["names"].tolist(), held["embeddings"], strict=True))
    missing = [at for at, name in enumerate(names) if name not in known]
    for start in range(0, len(missing), BATCH):
        some = missing[start : start + BATCH]
        found = scorer.embed(np.ascontiguousarray(images[wanted[some]]))
        known |= zip((names[at] for at in some), found, strict=True)
    if missing:
        with whole_file(file) as part, part.open("wb") as opened:
            embeddings = np.stack(list(known.values()))
            np.savez(opened, names=np.array(list(known)), embeddings=embeddings)
    return np.stack([known[name] for name in names])[back]
