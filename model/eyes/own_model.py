"""A user's own ONNX image model, such as CLIP, DINOv2 or SigLIP, as they declare it in YAML.

    file: clip_vision.onnx          # beside the YAML
    height: 224                     # of the images that it takes, in pixels
    width: 224
    mean: [0.481, 0.458, 0.408]     # of the colours, 0 to 1, red first
    deviation: [0.269, 0.261, 0.276]
    outputs: [image_embeds]         # values of its graph; left out: all that it gives

A value [rows, numbers] is taken as it is; of one with further axes, maps or tokens, the mean and
the deviation over these.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import yaml
from onnx import TensorProto, compose, inliner, version_converter

from data.errors import BadInput
from data.images.format import LARGEST_SIDE
from model.eyes.pixel_graph import (
    IMAGE,
    OPSET,
    FeatureGroup,
    GraphBuilder,
    PixelGraph,
    opset_of,
)

NEEDED = ("file", "height", "width")
KNOWN = (*NEEDED, "mean", "deviation", "outputs", "input")
LARGEST = 2_000_000_000
"""Bytes of a graph that is one file."""


@dataclass(frozen=True)
class OwnModel:
    """A group for each output that is declared."""

    declared_in: Path
    file: Path
    height: int
    width: int
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    outputs: tuple[str, ...] = ()
    """None: all that the model gives."""
    input: str = ""
    """Of several inputs, that for pixels."""
    least: int = 1

    @property
    def name(self) -> str:
        """As it was asked for."""
        return f"onnx:{self.declared_in}"

    @property
    def size(self) -> tuple[int, int]:
        """That of the images which the model takes."""
        return self.height, self.width

    @classmethod
    def read(cls, declared_in: Path) -> "OwnModel":
        """What a YAML file declares.

        Raises:
            BadInput: it cannot be read, or declares something else.
        """
        try:
            said = yaml.safe_load(declared_in.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            words = " ".join(str(error).split())[:160]
            raise BadInput(
                f"{declared_in} cannot be read ({words}); docs/sight.md shows one"
            ) from None
        said = said if isinstance(said, dict) else {}
        if lacks := [name for name in NEEDED if name not in said]:
            raise BadInput(
                f"{declared_in} lacks {', '.join(lacks)}; docs/sight.md shows an example"
            )
        if unknown := set(said) - set(KNOWN):
            raise BadInput(
                f"{declared_in}: {sorted(map(str, unknown))[0]!r} is not known; "
                f"fields are {', '.join(KNOWN)}"
            )
        try:
            sides = int(said["height"]), int(said["width"])
            mean, deviation = (
                tuple(map(float, said.get(name, plain)))
                for name, plain in (("mean", [0, 0, 0]), ("deviation", [1, 1, 1]))
            )
        except (TypeError, ValueError, OverflowError):
            raise BadInput(f"{declared_in}: sizes and means are numbers; mend them") from None
        finite = all(map(math.isfinite, (*mean, *deviation))) and min(deviation, default=0) > 0
        sized = min(sides) >= 1 and max(sides) <= LARGEST_SIDE
        if len(mean) != 3 or len(deviation) != 3 or not (finite and sized):
            raise BadInput(
                f"{declared_in}: sides are of 1 to {LARGEST_SIDE:,} pixels, and mean and deviation "
                "three finite numbers, deviations above 0; mend them"
            )
        names = _names(said.get("outputs") or (), declared_in)
        file = declared_in.parent / str(said["file"])
        own = str(said.get("input", ""))
        return cls(declared_in, file, *sides, mean, deviation, names, own)

    def graph(self, size: tuple[int, int]) -> PixelGraph:
        """See `model.eyes.interface.Eye`."""
        assert size == self.size, "images are made of its size"
        digest, model = self._opened()
        graph = compose.add_prefix_graph(model.graph, "own/")
        pixels = self._input(model)
        known = {name for node in graph.node for name in node.output}
        wanted = [f"own/{name}" for name in self.outputs or (o.name for o in model.graph.output)]
        if lost := [name for name in wanted if name not in known]:
            raise self._refusal(f"has no value {lost[0].removeprefix('own/')!r}", "outputs")
        ranks = _ranks(model, [name.removeprefix("own/") for name in wanted])
        builder = GraphBuilder()
        mean, deviation = ([255 * one for one in of] for of in (self.mean, self.deviation))
        normalised = builder.normalised(mean, deviation)
        builder.node("Identity", normalised, name=f"own/{pixels}")
        before = len(builder.nodes)  # nodes are called by how many there are, and go on counting
        names = []
        for value, rank in zip(wanted, ranks, strict=True):
            name = f"{self.declared_in.stem}.{value.removeprefix('own/').strip('/')}"
            names.append(name)
            if rank == 2:
                builder.node("Identity", value, name=name)
                continue
            axes = (2, 3) if rank == 4 else (1,)
            builder.node("Concat", *builder.mean_and_deviation(value, axes), name=name, axis=1)
        builder.nodes[before:before] = graph.node
        builder.constants |= {constant.name: constant for constant in graph.initializer}
        opset = opset_of(model)
        widths = self._widths(builder.model(self.size, dict.fromkeys(names, 1), opset), names)
        whole = builder.model(self.size, dict(zip(names, widths, strict=True)), opset)
        groups = tuple(map(FeatureGroup, names, widths))
        said = f"{self.mean} {self.deviation} {self.outputs} {self.input}"
        return PixelGraph(whole, groups, f"onnx {digest} {said}")

    def _opened(self) -> tuple[str, onnx.ModelProto]:
        """Its hash, that of weights in files beside it included, and the model."""
        try:
            model = onnx.load(self.file)
            onnx.checker.check_model(model)
        except Exception as error:  # protobuf and the checker raise classes of their own
            words = " ".join(str(error).split())[:160]
            raise self._refusal(f"cannot be read as an ONNX model ({words})", "file") from None
        if model.ByteSize() > LARGEST:
            raise self._refusal("is larger than 2 GB, which is all that one file holds", "file")
        digest = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
        if model.functions:
            model = inliner.inline_local_functions(model)
        version = opset_of(model)
        if version < OPSET:
            try:
                model = version_converter.convert_version(model, OPSET)
            except Exception:
                raise self._refusal(
                    f"is of opset {version}, which cannot be made {OPSET}",
                    "file: export it again with opset 18",
                ) from None
        return digest, model

    def _input(self, model: onnx.ModelProto) -> str:
        """The name of the input for pixels, whose shape is as declared."""
        weights = {of.name for of in model.graph.initializer}
        inputs = [of for of in model.graph.input if of.name not in weights]
        chosen = [of for of in inputs if of.name == self.input] if self.input else inputs
        if len(chosen) != 1 or len(inputs) != 1:
            names = ", ".join(of.name for of in inputs)
            raise self._refusal(
                f"has the inputs {names}, and pixels are to be its only one", "file"
            )
        of_tensor = chosen[0].type.tensor_type
        shape = [d.dim_value if d.HasField("dim_value") else None for d in of_tensor.shape.dim]
        want = (3, self.height, self.width)
        fits = len(shape) == 4 and all(
            side in (None, other) for side, other in zip(shape[1:], want, strict=True)
        )
        if of_tensor.elem_type != TensorProto.FLOAT or not fits:
            kind = TensorProto.DataType.Name(of_tensor.elem_type).lower()
            raise self._refusal(
                f"takes {kind}{shape}, and float[rows, {', '.join(map(str, want))}] is declared",
                "height and width, or the model",
            )
        if shape[0] is not None:
            raise self._refusal(
                f"takes {shape[0]} images at a time", "file: export it with any number of rows"
            )
        return chosen[0].name

    def _widths(self, model: onnx.ModelProto, names: Sequence[str]) -> list[int]:
        """Numbers of each output, found by running the model."""
        options = ort.SessionOptions()
        options.log_severity_level = 4
        try:
            session = ort.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            plain = np.zeros((2, 3, *self.size), np.uint8)  # one black, one white
            plain[1] = 255
            given = [np.asarray(out) for out in session.run(list(names), {IMAGE: plain})]
        except Exception as error:  # ONNX Runtime raises classes of its own
            words = " ".join(str(error).split())[:160]
            raise self._refusal(f"cannot be run on pixels ({words})", "file") from None
        for name, numbers in zip(names, given, strict=True):
            value = name.partition(".")[2]
            if numbers.ndim != 2 or len(numbers) != 2 or not numbers.size:
                shape = list(numbers.shape)
                raise self._refusal(f"gives {value} of the shape {shape} for two images", "outputs")
            if not np.isfinite(numbers).all():
                raise self._refusal(
                    f"gives {value} that is no number for a black or a white picture",
                    "the model, such as a division by a length of 0, or outputs",
                )
        return [numbers.shape[1] for numbers in given]

    def _refusal(self, what: str, remedy: str) -> BadInput:
        return BadInput(f"{self.file}, declared in {self.declared_in}, {what}; mend {remedy}")


def _names(outputs: object, declared_in: Path) -> tuple[str, ...]:
    """Of the values that are declared, each once."""
    outputs = [outputs] if isinstance(outputs, str) else outputs
    if not isinstance(outputs, list | tuple):
        raise BadInput(f"{declared_in}: outputs are a list of names; mend it")
    names = tuple(map(str, outputs))
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"{declared_in}: outputs have {twice[0]!r} twice; name each value once")
    return names


def _ranks(model: onnx.ModelProto, names: Sequence[str]) -> list[int]:
    """Axes of each value, as far as shapes can be inferred; 2 where they cannot."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    ranks = {
        of.name: len(of.type.tensor_type.shape.dim)
        for of in [*graph.value_info, *graph.output]
        if of.type.tensor_type.HasField("shape")
    }
    return [ranks.get(name, 2) for name in names]
