"""Image encoders: uint8 pixels, or what stands in their place, to an embedding.

Normalisation is inside, so that a bundle's graph reads pixels as they are decoded.
"""

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from data.errors import BadInput
from model.eyes.simple_numbers import NAMES, SimpleNumbers
from model.eyes.torchvision_backbones import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    is_torchvision,
    load_weights,
    torchvision_backbone,
)

SIMPLE = "simple"
"""What is added to an encoder's name for the simple numbers of a picture beside it."""


class ImageEncoder(nn.Module):
    """A backbone between two normalisations: pixels alone decide.

    The embedding is all that the backbone gives unless it is made shorter: what members like in an
    image is in directions that the encoder's own training need not keep. Beside it there may be
    numbers of the picture by code, a group of their own.
    """

    def __init__(
        self, backbone: nn.Module, width: int, embedding: int | None, simple: bool = False
    ) -> None:
        super().__init__()
        own = embedding or width
        self.backbone = backbone
        self.groups = (("learnt", own), (SIMPLE, len(NAMES))) if simple else ()
        self.embedding = own + len(NAMES) if simple else own
        shorter = nn.Linear(width, embedding) if embedding else nn.Identity()
        self.out = nn.Sequential(shorter, nn.BatchNorm1d(own, affine=False))
        self.simple = SimpleNumbers() if simple else None
        self.simple_norm = nn.BatchNorm1d(len(NAMES), affine=False) if simple else None
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", 255 * torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("sd", 255 * torch.tensor(IMAGENET_SD)[:, None, None])

    def forward(
        self, image: UInt8[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images embedding"]:
        """Any image can be scored, seen in training or not."""
        seen = self.out(self.backbone((image.float() - self.mean) / self.sd))
        if self.simple is None or self.simple_norm is None:
            return seen
        return torch.cat([seen, self.simple_norm(self.simple(image))], 1)


class Residual(nn.Module):
    """Two convolutions beside a short cut, at half the resolution."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, 2, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.short = nn.Sequential(
            nn.Conv2d(before, after, 1, 2, bias=False), nn.BatchNorm2d(after)
        )

    def forward(
        self, x: Float[Tensor, "images before height width"]
    ) -> Float[Tensor, "images after less_height less_width"]:
        """Halved and, usually, deeper."""
        return (self.body(x) + self.short(x)).relu()


class SmallCNN(nn.Module):
    """Trains from scratch in minutes on two cores; ends in mean and maximum over the image.

    Most of the work is done at an eighth of the resolution and below: of two networks of equal
    cost the deeper one tells subjects that it has never seen better apart.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        stem: list[nn.Module] = []
        for before, after in ((3, width), (width, 3 * width)):
            stem += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after)]
            stem.append(nn.ReLU())
        self.layers = nn.Sequential(
            *stem, Residual(3 * width, 6 * width), Residual(6 * width, 12 * width)
        )
        self.width = 2 * 12 * width

    def forward(
        self, x: Float[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images features"]:
        """Features of the whole image, wherever in it they are."""
        maps = self.layers(x)
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)


def make_encoder(name: str, weights: str, embedding: int | None = None) -> ImageEncoder:
    """The encoder of that name, which learns with the towers.

    Args:
        name: `cnn`, or any classification backbone of torchvision; with `+simple` for the simple
            numbers of a picture beside it.
        weights: none (random), DEFAULT (torchvision's, fetched by it), or the path of a file.
        embedding: numbers that it learns to give for an image; None: all that the backbone gives.

    Raises:
        BadInput: no such backbone, or weights that cannot be had or do not fit.
    """
    own, _, beside = name.partition("+")
    if beside not in ("", SIMPLE):
        raise BadInput(
            f"--model.encoder is {name!r}; beside {own}, which learns from the rewards, there can "
            f"be simple alone: {own}+simple"
        )
    if own == "cnn":
        backbone = SmallCNN()
        if weights == "DEFAULT":
            raise BadInput(
                "--model.weights is DEFAULT, but the encoder cnn has no published weights; give "
                "none, the path of a file, or a torchvision backbone with --model.encoder"
            )
        width = backbone.width
        if weights != "none":
            load_weights(backbone, Path(weights))
    elif is_torchvision(own):
        backbone, width = torchvision_backbone(own, weights)
    else:
        raise BadInput(
            f"--model.encoder is {name!r}; choose auto, lite0, lite1, lite2, cnn, simple, "
            "attributes, features, onnx:FILE.yaml, or a backbone of torchvision such as "
            "mobilenet_v3_small or resnet18"
        )
    return ImageEncoder(backbone, width, embedding, bool(beside))
