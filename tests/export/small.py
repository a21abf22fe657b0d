"""Whole bundles of a few bytes: publishing does not care what is in them. No torch."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.empty_bundle import empty_graph
from data.bundle import BUNDLE_VERSION
from export.graphs.manifest import seal
from export.publish.publish import publish
from export.publish.staging import staging


@dataclass
class Verdict:
    verdict: str
    reason: str = "judged"
    numbers: dict = field(default_factory=dict)


def gate(verdict):
    return lambda candidate, live, anchor: Verdict(
        verdict, f"{candidate.name} over {None if live is None else live.name}"
    )


def small_bundle(root, number, parent=None, graph=None):
    """A bundle of January's day `number`; its graph does nothing, or is what is given."""
    with staging(root) as part:
        (part / "features.json").write_text("{}" * number)
        (part / "context.onnx").write_bytes(graph or empty_graph(bytes(50)))
        manifest = {
            "created": datetime(2026, 1, number, tzinfo=UTC).isoformat(),
            "schema_version": BUNDLE_VERSION,
            "feature_fingerprint": "",
            "policy": {"kind": "thompson", "heads": 1, "epsilon": 0.1, "salt": 1},
            "calibration": {"bias": 0.0, "temperature": 1.0},
            "dimension": 1,
            "image": None,
            "encoder": None,
            "network": None,
            "reward_name": "take",
            "parent": parent,
            "metrics": {},
        }
        return seal(part, root, manifest)


def publisher(store, folders, start):
    start.wait()
    for folder in folders:
        publish(folder, store, gate=gate("passed"))
