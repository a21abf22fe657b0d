"""Small ONNX models as users may bring them."""

from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.random.default_rng(0).normal(0, 0.3, (5, 3, 4, 4)).astype(np.float32)


def convolution(
    folder: Path, rows: int | str = "batch", side: int = 32, opset: int = 18, kind: int = 1
) -> Path:
    """One convolution to maps, tokens of them, and their mean: a file."""
    nodes = [
        helper.make_node("Conv", ["pixel_values", "w"], ["maps"], strides=[4, 4]),
        helper.make_node("Flatten", ["maps"], ["flat"], axis=2),
        helper.make_node("Reshape", ["maps", "as_tokens"], ["rows_of_maps"]),
        helper.make_node("Transpose", ["rows_of_maps"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embeds"], axis=1),
    ]
    del nodes[1]
    inputs = [helper.make_tensor_value_info("pixel_values", kind, [rows, 3, side, side])]
    outputs = [helper.make_tensor_value_info("embeds", TensorProto.FLOAT, [rows, 5])]
    shape = numpy_helper.from_array(np.array([0, 5, -1], np.int64), "as_tokens")
    graph = helper.make_graph(
        nodes, "own", inputs, outputs, [numpy_helper.from_array(WEIGHTS, "w"), shape]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, folder / "own.onnx")
    return folder / "own.onnx"


def declared(folder: Path, **said: object) -> Path:
    """The YAML beside it."""
    about = {"file": "own.onnx", "height": 32, "width": 32} | said
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in about.items() if v is not None}))
    return file
