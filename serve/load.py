"""From a bundle and a catalogue to what precompute and the live service decide with."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int, UInt8

from data.catalogue import Catalogue
from data.errors import BadInput
from data.image_file import decode
from data.images import image_cache
from serve.artwork_map import ArtworkMap, Run, bundle_tag
from serve.layout import Layout
from serve.live_model import LiveModel
from serve.precompute import Facts, Policy

EPOCH = date(1970, 1, 1)
BATCH = 64


class CanScore(Protocol):
    """What is asked of `serve.scorer.Scorer`."""

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


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def policy_of(scorer: CanScore) -> Policy:
    """The bundle's policy."""
    manifest = scorer.manifest
    policy = manifest["policy"]
    return Policy(manifest["bundle_id"], policy["epsilon"], policy["salt"], policy["kind"])


def describe(scorer: CanScore, facts: pa.StructArray) -> Facts:
    """Facts as functionals, with a fingerprint of the features that they became."""
    from data.features import context_features

    features = context_features(scorer.spec, facts)
    columns = [np.ascontiguousarray(column) for column in features]
    prints = [crc32(b"".join(c[row].tobytes() for c in columns)) for row in range(len(facts))]
    return Facts(scorer.functionals(features), np.array(prints, np.int64))


@dataclass
class BundleFacts:
    """`describe` for other processes: travels as a path, opens the bundle where it arrives."""

    bundle: Path
    _scorer: Any = field(default=None, repr=False)

    def __call__(self, facts: pa.StructArray) -> Facts:
        """Facts as functionals."""
        if self._scorer is None:
            self._scorer = open_scorer(self.bundle)
        return describe(self._scorer, facts)

    def __getstate__(self) -> dict[str, Any]:
        return {"bundle": self.bundle, "_scorer": None}


def open_scorer(bundle: Path) -> Any:
    """The bundle's scorer; imports ONNX Runtime only now."""
    from serve.scorer import Scorer

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
        part = file.with_suffix(f".{os.getpid()}.part.npz")
        np.savez(part, names=np.array(list(known)), embeddings=np.stack(list(known.values())))
        part.replace(file)
    return np.stack([known[name] for name in names])[back]


def unpersonalised_best(bundle: Path, layout: Layout) -> Int[np.ndarray, " titles"] | None:
    """Ordinal of each title's best artwork over all members, −1 where none was shown yet."""
    path = bundle / "unpersonalised.parquet"
    if not path.is_file():
        return None
    table = pq.ParquetFile(path).read()
    best: dict[tuple[int, str], float] = dict(
        zip(
            zip(table["title_id"].to_pylist(), table["artwork_id"].to_pylist(), strict=True),
            table["take"].to_pylist(),
            strict=True,
        )
    )
    choices = np.full(len(layout.title_ids), -1, np.int64)
    for slot, title in enumerate(layout.title_ids.tolist()):
        takes = [best.get((title, artwork), -1.0) for artwork in layout.candidates(slot)]
        if max(takes) >= 0:
            choices[slot] = int(layout.starts[slot]) + int(np.argmax(takes))
    return choices


def unpersonalised_map(
    choices: Int[np.ndarray, " titles"], layout: Layout, policy: Policy, day: int, version: int
) -> bytes:
    """The shared map that members without one of their own are shown."""
    run_of = np.zeros(len(choices), np.uint8)
    tag = bundle_tag(policy.bundle)
    run = (Run(day, policy.salt, 0),)
    found = ArtworkMap(layout.digest, version, 0, tag, choices, run_of, run)
    return found.to_bytes(layout.width)


def load_live(
    bundle: Path, catalogue_folder: Path, cache: Path, day: date, base_url: str = ""
) -> LiveModel:
    """Everything the live service decides with, checked and warmed.

    Raises:
        ValueError: the bundle or the catalogue is not whole.
    """
    scorer = open_scorer(bundle)
    catalogue = Catalogue.read(catalogue_folder)
    layout = Layout.of_catalogue(catalogue.titles, catalogue.artworks, day_number(day))
    vectors = artwork_vectors(scorer, catalogue, layout, cache)

    def score_image(raw: bytes, title_id: int) -> dict[str, Any]:
        return _score_image(scorer, catalogue, raw, title_id)

    model = LiveModel(
        policy_of(scorer),
        layout,
        vectors,
        lambda facts: describe(scorer, facts),
        unpersonalised_best(bundle, layout),
        score_image,
        base_url,
    )
    model.describe(pa.array([{}], _facts_type()))
    return model


def _facts_type() -> pa.DataType:
    from data.records import FACTS

    return FACTS


def _score_image(
    scorer: CanScore, catalogue: Catalogue, raw: bytes, title_id: int
) -> dict[str, Any]:
    """An unseen image as a candidate of a title: its vector, and each artwork's likeness to it."""
    if title_id not in catalogue.title_ids:
        raise BadInput(f"title {title_id} is not in the catalogue; give one that is")
    size = scorer.manifest["image"]
    if size is None:
        raise BadInput(
            f"bundle {scorer.manifest['bundle_id']} has no image encoder; it cannot score an image"
        )
    picture = decode(raw, "sent", size["height"], size["width"])
    embedding = scorer.embed(picture[None])
    row = catalogue.artworks.slice(0, 1).to_pylist()[0] | {
        "artwork_id": "new",
        "title_id": title_id,
        "cast_shown": None,
        "tone": None,
    }
    artworks = pa.Table.from_pylist([row], catalogue.artworks.schema)
    vector = scorer.vectors(embedding, catalogue.titles, artworks)[0]
    return {"title_id": title_id, "vector": vector.tolist(), "embedding": embedding[0].tolist()}
