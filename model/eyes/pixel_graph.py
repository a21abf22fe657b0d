"""An ONNX graph from uint8 pixels to groups of numbers, and what puts several into one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from data.errors import BadInput

OPSET, IR = 18, 10
"""Of graphs that are made here; one of a later opset keeps it, and so does what it joins."""
IMAGE, EMBEDDING = "image", "embedding"


class FeatureGroup(NamedTuple):
    """Numbers of a picture that belong together: one layer of a network, or one kind of measure."""

    name: str
    width: int


@dataclass(frozen=True)
class PixelGraph:
    """A graph from `image`, uint8 [rows, 3, height, width], to an output [rows, width] a group."""

    model: onnx.ModelProto
    groups: tuple[FeatureGroup, ...]
    """In the order of the outputs."""
    key: str
    """What tells its numbers from those of any other graph."""

    @property
    def width(self) -> int:
        """Numbers in all."""
        return sum(group.width for group in self.groups)

    @property
    def opset(self) -> int:
        """Of its operators."""
        return opset_of(self.model)


class LinearReadout(NamedTuple):
    """Numbers that are linear in those of some groups."""

    name: str
    reads: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Group → (mean, matrix): its numbers less the mean, times the matrix [numbers, width]."""
    shift: np.ndarray
    """Added, [width]."""

    @property
    def width(self) -> int:
        """Numbers that it gives."""
        return len(self.shift)

    def __call__(self, groups: Mapping[str, np.ndarray]) -> np.ndarray:
        """What it reads of some pictures, [pictures, width] float32; by group."""
        parts = (
            (groups[name] - mean).astype(np.float32) @ matrix.astype(np.float32)
            for name, (mean, matrix) in self.reads.items()
        )
        return sum(parts, self.shift.astype(np.float32)[None])


class GraphBuilder:
    """Nodes and constants of a graph that is written by hand."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: np.ndarray | Sequence[float], name: str = "") -> str:
        """The name of an array; lists of whole numbers are int64, others float32."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = name or f"constant_{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: int | list[int]) -> str:
        """The name of what an operator gives."""
        name = name or f"{kind}_{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [name], name=name)
        node.attribute.extend(helper.make_attribute(*of) for of in attributes.items())
        self.nodes.append(node)
        return name

    def normalised(self, mean: Sequence[float], deviation: Sequence[float]) -> str:
        """The image as float32, less the mean, over the deviation; both of values 0 to 255."""
        pixels = self.node("Cast", IMAGE, to=TensorProto.FLOAT)
        centred = self.node("Sub", pixels, self.constant(np.reshape(mean, (1, 3, 1, 1))))
        return self.node("Div", centred, self.constant(np.reshape(deviation, (1, 3, 1, 1))))

    def mean(self, maps: str, axes: Sequence[int], keep: bool = False, name: str = "") -> str:
        """The mean over axes, which go unless they are kept."""
        along = self.constant(list(axes))
        return self.node("ReduceMean", maps, along, name=name, keepdims=int(keep))

    def mean_and_deviation(self, maps: str, axes: Sequence[int]) -> list[str]:
        """Both over axes, which go."""
        centred = self.node("Sub", maps, self.mean(maps, axes, keep=True))
        variance = self.mean(self.node("Mul", centred, centred), axes)
        little = self.node("Add", variance, self.constant(np.array(1e-6)))
        return [self.mean(maps, axes), self.node("Sqrt", little)]

    def model(
        self, size: tuple[int, int], outputs: Mapping[str, int], opset: int = OPSET
    ) -> onnx.ModelProto:
        """The whole graph.

        Args:
            size: height and width of the image.
            outputs: name → width, of those that it gives.
            opset: of its operators.
        """
        image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, ["rows", 3, *size])
        given = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
            for name, width in outputs.items()
        ]
        graph = helper.make_graph(self.nodes, "eyes", [image], given, list(self.constants.values()))
        return as_model(graph, opset)


def opset_of(model: onnx.ModelProto) -> int:
    """The version of its plain operators; 0: it has none."""
    return next((of.version for of in model.opset_import if of.domain in ("", "ai.onnx")), 0)


def as_model(graph: onnx.GraphProto, opset: int) -> onnx.ModelProto:
    """A model of a graph of plain operators."""
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="marquee")


def together(graphs: Sequence[PixelGraph]) -> PixelGraph:
    """Several graphs as one, which reads the image once: all their groups, in their order.

    Raises:
        BadInput: two groups have the same name.
    """
    names = [group.name for one in graphs for group in one.groups]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(
            f"--model.encoder has {twice[0]!r} twice; name each eye once, and declare models of "
            "your own in files of different names"
        )
    if len(graphs) == 1:
        return graphs[0]
    nodes, constants, outputs = [], [], []
    for at, one in enumerate(graphs):
        graph = compose.add_prefix_graph(one.model.graph, f"{at}/")
        for node in graph.node:
            for place, name in enumerate(node.input):
                if name == f"{at}/{IMAGE}":
                    node.input[place] = IMAGE
        nodes += graph.node
        constants += graph.initializer
        outputs += graph.output
    image = graphs[0].model.graph.input[0]
    groups = tuple(group for one in graphs for group in one.groups)
    latest = max(one.opset for one in graphs)
    model = as_model(helper.make_graph(nodes, "eyes", [image], outputs, constants), latest)
    return PixelGraph(model, groups, "+".join(one.key for one in graphs))


def with_readouts(eyes: PixelGraph, readouts: Sequence[LinearReadout]) -> onnx.ModelProto:
    """A graph from the image to `embedding`: all read-outs, side by side."""
    builder = GraphBuilder()
    whole = eyes.model.graph
    output = {g.name: o.name for g, o in zip(eyes.groups, whole.output, strict=True)}
    parts = []
    for of in readouts:
        value = builder.constant(of.shift.astype(np.float32)[None], f"readout/{of.name}/shift")
        for group, (mean, matrix) in of.reads.items():
            at = f"readout/{of.name}/{group}"
            centre = builder.constant(mean.astype(np.float32)[None], f"{at}/mean")
            centred = builder.node("Sub", output[group], centre, name=f"{at}/centred")
            axes = builder.constant(matrix.astype(np.float32), f"{at}/matrix")
            read = builder.node("MatMul", centred, axes, name=f"{at}/read")
            value = builder.node("Add", read, value, name=f"{at}/sum")
        parts.append(value)
    builder.node("Concat", *parts, name=EMBEDDING, axis=1)
    width = sum(of.width for of in readouts)
    given = helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["rows", width])
    constants = [*whole.initializer, *builder.constants.values()]
    nodes = [*whole.node, *builder.nodes]
    graph = helper.make_graph(nodes, "encoder", [whole.input[0]], [given], constants)
    return as_model(graph, eyes.opset)


def forget_source(model: onnx.ModelProto) -> None:
    """Take out what an exporter noted of the source: paths of the machine that it ran on.

    So equal weights give equal files, wherever they were exported.
    """
    parts = [model, model.graph, *model.functions]
    for graph in (model.graph, *model.functions):
        parts += [*graph.node, *graph.value_info]
    parts += [*model.graph.input, *model.graph.output, *model.graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
