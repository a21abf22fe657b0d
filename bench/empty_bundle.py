"""Whole, published bundles in which nothing can score: what is in them does not matter here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from data.bundle import BUNDLE_VERSION
from export.graphs.manifest import seal
from export.publish.staging import staging

MANIFEST = {
    "schema_version": BUNDLE_VERSION,
    "feature_fingerprint": "",
    "policy": {"kind": "thompson", "heads": 1, "epsilon": 0.05, "salt": 0},
    "calibration": {"bias": 0.0, "temperature": 1.0},
    "dimension": 1,
    "image": None,
    "encoder": None,
    "reward_name": "take",
    "parent": None,
    "metrics": {},
}


def write_empty_bundle(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write a bundle of some files, made now; its folder.

    Args:
        root: folder of bundles.
        files: name → content; `context.onnx` among them.
    """
    with staging(root) as part:
        for name, content in files.items():
            (part / name).write_bytes(content)
        return seal(part, root, MANIFEST | {"created": datetime.now(UTC).isoformat()})
