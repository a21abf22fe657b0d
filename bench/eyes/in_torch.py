"""A graph of eyes that is written as ONNX nodes, carried out by torch: the peer of its runtime."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from onnx import ModelProto, helper, numpy_helper
from torch import Tensor
from torch.nn import functional

from data.errors import BadInput

Attributes = dict[str, object]
Node = tuple[str, list[str], str, Attributes]
"""Kind, inputs, output, attributes."""


class InTorch:
    """Eager torch, node after node.

    Args:
        model: of plain convolutions, means and sums.

    Raises:
        BadInput: it has an operator that is not among these.
    """

    def __init__(self, model: ModelProto) -> None:
        graph = model.graph
        self.input = graph.input[0].name
        self.outputs = [of.name for of in graph.output]
        self.constants = {
            one.name: torch.from_numpy(np.array(numpy_helper.to_array(one)))
            for one in graph.initializer
        }
        self.nodes: list[Node] = [
            (node.op_type, list(node.input), node.output[0], _attributes(node.attribute))
            for node in graph.node
        ]
        if unknown := {kind for kind, *_ in self.nodes} - set(_WAYS):
            raise BadInput(f"torch has no {sorted(unknown)[0]} here; measure this eye in ONNX only")

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        """All groups of some images, side by side."""
        known = {self.input: torch.from_numpy(images)} | self.constants
        self.carried_out(self.nodes, known)
        return torch.cat([known[name] for name in self.outputs], 1).numpy()

    def carried_out(self, nodes: Sequence[Node], known: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is known, and all that these nodes give, one after another."""
        for kind, inputs, output, attributes in nodes:
            known[output] = _WAYS[kind]([known[name] for name in inputs], attributes)
        return known

    def between(self, start: str, end: str) -> list[Node]:
        """The nodes that lead from one value to another, in order; not those before the first."""
        wanted, found = {end}, list[Node]()
        for node in reversed(self.nodes):
            if node[2] in wanted and node[2] != start:
                found.append(node)
                wanted.update(node[1])
        return found[::-1]


def _attributes(of: Sequence) -> Attributes:
    return {one.name: helper.get_attribute_value(one) for one in of}


def _convolution(given: list[Tensor], how: Attributes) -> Tensor:
    maps, kernel, bias = given
    pads, strides, group = how["pads"], how["strides"], how["group"]
    assert isinstance(pads, list)
    assert isinstance(strides, list)
    assert isinstance(group, int)
    top, left, bottom, right = pads
    padded = functional.pad(maps, (left, right, top, bottom))
    return functional.conv2d(padded, kernel, bias, strides, groups=group)


def _mean(given: list[Tensor], how: Attributes) -> Tensor:
    return given[0].mean(given[1].tolist(), keepdim=bool(how["keepdims"]))


_WAYS: dict[str, Callable[[list[Tensor], Attributes], Tensor]] = {
    "Cast": lambda given, _: given[0].float(),
    "Add": lambda given, _: given[0] + given[1],
    "Sub": lambda given, _: given[0] - given[1],
    "Mul": lambda given, _: given[0] * given[1],
    "Div": lambda given, _: given[0] / given[1],
    "Sqrt": lambda given, _: given[0].sqrt(),
    "Clip": lambda given, _: given[0].clamp(float(given[1]), float(given[2])),
    "Concat": lambda given, _: torch.cat(given, 1),
    "Conv": _convolution,
    "ReduceMean": _mean,
}
