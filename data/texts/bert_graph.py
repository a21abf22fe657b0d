"""BERT's encoder as ONNX nodes, with the mean over words behind it.

Source: Devlin, Chang, Lee and Toutanova 2019, "BERT", section 3; weights by their usual names.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR = 17, 9
NORM_EPSILON = 1e-12


class BertShape(NamedTuple):
    """What the weights do not say."""

    layers: int
    heads: int


def bert_graph(weights: Mapping[str, np.ndarray], shape: BertShape) -> onnx.ModelProto:
    """Pieces of words to one vector of length one a text.

    Inputs are `words` and `there`, 64-bit whole numbers, texts × pieces; the output is `vector`.
    """
    return _Bert(weights, shape).model()


class _Bert:
    def __init__(self, weights: Mapping[str, np.ndarray], shape: BertShape) -> None:
        self.weights, self.shape = weights, shape
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    def model(self) -> onnx.ModelProto:
        """All of it."""
        x = self.embedded()
        # −10,000 where there is no word: e to that is 0.
        absent = self.node("Sub", self.number(1.0), self.floats("there"))
        masked = self.node("Mul", absent, self.number(-1e4))
        mask = self.node("Unsqueeze", masked, self.constant("axes", np.array([1, 2])))
        for layer in range(self.shape.layers):
            x = self.layer(x, mask, f"encoder.layer.{layer}.")
        self.pooled(x)
        graph = helper.make_graph(
            self.nodes,
            "bert",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "pieces"])
                for name in ("words", "there")
            ],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["texts", self.width])],
            list(self.constants.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR)

    def embedded(self) -> str:
        """Of words, of their places, and of the one sentence."""
        name = "embeddings."
        words = self.node("Gather", self.weight(f"{name}word_embeddings.weight"), "words")
        size = self.node("Shape", "words")
        long = self.node("Gather", size, self.constant("one", np.array(1)))
        every = self.node(
            "Range", self.constant("zero", np.array(0)), long, self.constant("one", np.array(1))
        )
        places = self.node("Gather", self.weight(f"{name}position_embeddings.weight"), every)
        sentence = self.weights[f"{name}token_type_embeddings.weight"][0]
        x = self.node("Add", self.node("Add", words, places), self.constant("sentence", sentence))
        return self.norm(x, f"{name}LayerNorm")

    def layer(self, x: str, mask: str, name: str) -> str:
        """Attention, then each word by itself; norms behind both."""
        parts = [
            self.dense(x, f"{name}attention.self.{part}") for part in ("query", "key", "value")
        ]
        query, key, value = (self.by_head(part) for part in parts)
        turned = self.node("Transpose", key, perm=[0, 1, 3, 2])
        scale = self.number((self.width // self.shape.heads) ** -0.5)
        scores = self.node("Mul", self.node("MatMul", query, turned), scale)
        share = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        met = self.node("Transpose", self.node("MatMul", share, value), perm=[0, 2, 1, 3])
        met = self.node("Reshape", met, self.constant("flat", np.array([0, 0, self.width])))
        met = self.dense(met, f"{name}attention.output.dense")
        x = self.norm(self.node("Add", met, x), f"{name}attention.output.LayerNorm")
        inner = self.dense(x, f"{name}intermediate.dense")
        bent = self.node("Erf", self.node("Mul", inner, self.number(0.5**0.5)))
        bent = self.node("Mul", inner, self.node("Add", bent, self.number(1.0)))
        bent = self.node("Mul", bent, self.number(0.5))
        out = self.dense(bent, f"{name}output.dense")
        return self.norm(self.node("Add", out, x), f"{name}output.LayerNorm")

    def pooled(self, x: str) -> None:
        """The mean over words, of length one."""
        there = self.node("Unsqueeze", self.floats("there"), self.constant("last", np.array([2])))
        total = self.node(
            "ReduceSum",
            self.node("Mul", x, there),
            self.constant("along", np.array([1])),
            keepdims=0,
        )
        length = self.node("ReduceL2", total, axes=[1], keepdims=1)
        least = self.node("Max", length, self.number(1e-12))
        self.nodes.append(helper.make_node("Div", [total, least], ["vector"]))

    def by_head(self, x: str) -> str:
        """Texts × heads × pieces × numbers."""
        heads = self.shape.heads
        apart = self.constant("apart", np.array([0, 0, heads, self.width // heads]))
        return self.node("Transpose", self.node("Reshape", x, apart), perm=[0, 2, 1, 3])

    def dense(self, x: str, name: str) -> str:
        """Weights and bias."""
        kernel = self.constant(f"{name}.turned", self.weights[f"{name}.weight"].T)
        return self.node("Add", self.node("MatMul", x, kernel), self.weight(f"{name}.bias"))

    def norm(self, x: str, name: str) -> str:
        """Mean 0 and deviation 1 of each word, then scaled."""
        scale, bias = (self.weight(f"{name}.{part}") for part in ("weight", "bias"))
        return self.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=NORM_EPSILON)

    def floats(self, name: str) -> str:
        """Whole numbers as floats."""
        return self.node("Cast", name, to=TensorProto.FLOAT)

    def weight(self, name: str) -> str:
        """A tensor of the package."""
        return self.constant(name, self.weights[name])

    def number(self, value: float) -> str:
        """One float."""
        return self.constant(f"number {value!r}", np.array(value, np.float32))

    def constant(self, name: str, value: np.ndarray) -> str:
        """An array under a name, once."""
        if name not in self.constants:
            kept = np.array(value, order="C")
            self.constants[name] = numpy_helper.from_array(kept, name)
        return name

    def node(self, kind: str, *inputs: str, **attributes: float | list[int]) -> str:
        """A node; the name of its output."""
        name = f"n{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [name])
        node.attribute.extend(helper.make_attribute(*of) for of in attributes.items())
        self.nodes.append(node)
        return name
