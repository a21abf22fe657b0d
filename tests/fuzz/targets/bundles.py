"""Manifests, and whole bundles of which one small file was written anew under a right manifest."""

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import orjson

from data.artwork_effects import RECORDS, ArtworkRecords
from data.bundle.folder import Bundle
from data.bundle.manifest import Manifest, content_hash
from data.features import CATEGORIES, FeatureSpec
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import of_bytes, of_json
from tests.fuzz.targets.journals import shm

SPEC = FeatureSpec({name: ["a"] for name in CATEGORIES}, ["drama"], ["dark"], 1.0, 1.0, 0.0, 1.0)


def records():
    rows = 3
    return ArtworkRecords(
        ["a", "b", "c"],
        np.ones((rows, 4)),
        np.ones(rows),
        np.ones((rows, 2)),
        np.ones(rows),
        0.1,
        1.0,
    )


def manifest(files):
    said = {
        "created": "2026-01-01T00:00:00Z",
        "schema_version": 1,
        "feature_fingerprint": SPEC.fingerprint,
        "files": {
            n: {"sha256": hashlib.sha256(c).hexdigest(), "bytes": len(c)} for n, c in files.items()
        },
        "policy": {"kind": "thompson", "epsilon": 0.05, "salt": 7, "heads": 16},
        "calibration": {"bias": 0.0, "temperature": 1.0},
        "dimension": 8,
        "image": None,
        "encoder": None,
        "reward_name": "take",
        "parent": None,
        "metrics": {},
        "records": records().said,
    }
    return said | {"bundle_id": f"b-{content_hash(said)}"}


def sealed(raw, rng):
    """A manifest whose id is that of what it says."""
    made = of_json(raw, rng)
    try:
        said = orjson.loads(made)
        return orjson.dumps(said | {"bundle_id": f"b-{content_hash(said)}"})
    except (ValueError, TypeError, AttributeError):
        return made


def manifests():
    def read(raw: bytes) -> None:
        read_one = Manifest.parse(raw, "manifest.json")
        assert read_one.policy.heads > 0
        assert read_one.encoder_version is None or read_one.image

    image = {"image": {"height": 72, "width": 128}, "encoder": "encoder.onnx"}
    one = manifest({"encoder.onnx": b"x"})
    other = {k: v for k, v in (one | image).items() if k != "bundle_id"}
    seeds = [orjson.dumps(one), orjson.dumps(other | {"bundle_id": f"b-{content_hash(other)}"})]
    return Kind(read, seeds, [sealed, sealed, of_json, of_bytes])


def bundles():
    """An input is records.parquet, features.json and what is said of the first, by lengths."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm()))

    def read(raw: bytes) -> None:
        parts = parted(raw)
        files = {RECORDS: parts[0], "features.json": parts[1]}
        said = {k: v for k, v in manifest(files).items() if k != "bundle_id"}
        try:
            said["records"] = json.loads(parts[2])
            said["bundle_id"] = f"b-{content_hash(said)}"
        except (ValueError, TypeError, RecursionError):
            return
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (folder / "manifest.json").write_bytes(orjson.dumps(said))
        opened = Bundle.open(folder)
        refused = []
        try:
            held = opened.records()
            if held is not None:
                vectors = np.ones((2, 8), np.float32)
                assert held.judging().joined(vectors, ["a", "new"]).shape == vectors.shape
        except ValueError as error:
            refused.append(error)
        spec = FeatureSpec.from_json(opened.file("features.json").read_bytes())
        assert len(spec.fingerprint) == 64
        if refused:
            raise refused[0]

    file = folder / "seed.parquet"
    records().write(file)
    seed = joined([file.read_bytes(), SPEC.to_json().encode(), orjson.dumps(records().said)])
    file.unlink()
    return Kind(read, [seed], [of_part])


def joined(parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def parted(raw, count=3):
    parts, at = [], 0
    for _ in range(count):
        size = int.from_bytes(raw[at : at + 4], "big")
        parts.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return parts


def of_part(raw, rng):
    parts = parted(raw)
    at = rng.randrange(3)
    parts[at] = (of_bytes if at == 0 or rng.random() < 0.2 else of_json)(parts[at], rng)
    return joined(parts)


TARGETS = {"manifests": manifests, "bundles": bundles}
