"""Whole, published bundles in which nothing can score: what is in them does not matter here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from onnx import TensorProto, helper

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


def empty_graph(content: bytes) -> bytes:
    """A graph that gives what it is given, with some content that it does not use."""
    kind = TensorProto.FLOAT
    given, back = (helper.make_tensor_value_info(name, kind, [1]) for name in ("given", "back"))
    graph = helper.make_graph(
        [helper.make_node("Identity", ["given"], ["back"])], "empty", [given], [back]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(key="content", value=content.hex())
    return model.SerializeToString()


def write_empty_bundle(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write a bundle of some files, made now; its folder.

    Args:
        root: folder of bundles.
        files: name → content; of a graph, what makes it unlike others.
    """
    with staging(root) as part:
        for name, content in files.items():
            is_graph = name.endswith(".onnx")
            (part / name).write_bytes(empty_graph(content) if is_graph else content)
        return seal(part, root, MANIFEST | {"created": datetime.now(UTC).isoformat()})
