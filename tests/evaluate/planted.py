"""Bundles whose heads want what a test says, as ONNX graphs written by hand."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

from data.bundle import BUNDLE_VERSION, content_hash, entry
from data.features import FeatureSpec, candidate_features, context_features

SIZE = {"height": 36, "width": 64}
FLOAT, INT, BYTE = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.UINT8,
)
CAST = [("cast_ids", INT, ["n", "l"]), ("cast_weights", FLOAT, ["n", "l"])]
TITLE_CAST = [("title_cast_ids", INT, ["n", "m"]), ("title_cast_weights", FLOAT, ["n", "m"])]


def plant(
    root, catalogue, facts, wants, *, epsilon=0.05, bias=-2.0, pixels=False, reads=None, bent=False
):
    """A bundle in which head h gives an artwork the score wants[h] · its embedding.

    With `reads`, a seed, wants also follow from the facts: linearly, or bent as a ReLU bends them.

    The embedding is the catalogue's own; with `pixels`, the mean red, green and blue, 0 … 1.
    """
    wants = np.asarray(wants, np.float32)
    heads, width = wants.shape
    spec = FeatureSpec.learn(facts, catalogue.titles, catalogue.artworks)
    context = context_features(spec, facts.slice(0, 1)).dense.shape[1]
    title = candidate_features(spec, catalogue.titles, catalogue.artworks).dense.shape[1]
    folder = Path(root) / "made"
    folder.mkdir(parents=True)
    none = {
        "no_context": np.zeros((context, heads * width), np.float32)
        if reads is None
        else np.random.default_rng(reads).normal(size=(context, heads * width)).astype(np.float32),
        "wants": wants.ravel(),
        "shape": np.array([-1, heads, width]),
    }
    functionals = [
        node("MatMul", ["dense", "no_context"], "straight"),
        node("Relu" if bent else "Identity", ["straight"], "silent"),
        node("Add", ["silent", "wants"], "flat"),
        node("Reshape", ["flat", "shape"], "functionals"),
    ]
    inside = [("dense", FLOAT, ["n", context]), *CAST]
    save(
        folder / "context.onnx",
        inside,
        [("functionals", FLOAT, ["n", heads, width]), ("appeal", FLOAT, ["n", 1])],
        [*functionals, node("MatMul", ["dense", "no_appeal"], "appeal")],
        none | {"no_appeal": np.zeros((context, 1), np.float32)},
    )
    save(
        folder / "candidate.onnx",
        [("embedding", FLOAT, ["n", width]), ("dense", FLOAT, ["n", title]), *CAST, *TITLE_CAST],
        [("vector", FLOAT, ["n", width]), ("appeal", FLOAT, ["n", 1])],
        [
            node("Identity", ["embedding"], "vector"),
            node("MatMul", ["dense", "no_title"], "appeal"),
        ],
        {"no_title": np.zeros((title, 1), np.float32)},
    )
    if pixels:
        save(
            folder / "encoder.onnx",
            [("image", BYTE, ["n", 3, SIZE["height"], SIZE["width"]])],
            [("embedding", FLOAT, ["n", 3])],
            [
                node("Cast", ["image"], "numbers", to=FLOAT),
                node("ReduceMean", ["numbers", "axes"], "mean", keepdims=0),
                node("Div", ["mean", "most"], "embedding"),
            ],
            {"axes": np.array([2, 3]), "most": np.array(255, np.float32)},
        )
    (folder / "features.json").write_text(spec.to_json())
    shows = {
        "title_id": catalogue.artworks["title_id"],
        "artwork_id": catalogue.artworks["artwork_id"],
        "take": np.linspace(0.1, 0.2, len(catalogue.artworks)),
        "impressions": np.full(len(catalogue.artworks), 10),
    }
    pq.write_table(pa.table(shows), folder / "unpersonalised.parquet")
    manifest = {
        "created": "2026-01-10T12:00:00+00:00",
        "schema_version": BUNDLE_VERSION,
        "feature_fingerprint": spec.fingerprint,
        "files": {file.name: entry(file) for file in folder.iterdir()},
        "policy": {"kind": "thompson", "heads": heads, "epsilon": epsilon, "salt": 7},
        "calibration": {"bias": float(bias), "temperature": 1.0},
        "dimension": width,
        "embedding": width,
        "image": SIZE if pixels else None,
        "encoder": "encoder.onnx" if pixels else None,
        "reward_name": "take",
        "parent": None,
        "metrics": {},
    }
    manifest = orjson.loads(orjson.dumps(manifest))
    name = hashlib.sha256(orjson.dumps(manifest)).hexdigest()[:6]
    manifest["bundle_id"] = f"planted{name}-{content_hash(manifest)}"
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder.rename(Path(root) / manifest["bundle_id"])


def node(kind, inputs, output, **options):
    return helper.make_node(kind, inputs, [output], **options)


def save(path, inputs, outputs, nodes, constants):
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
