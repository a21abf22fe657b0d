"""Backbones of torchvision and timm with published weights, as they are: nothing is tuned."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from data.errors import BadInput
from model.eyes.pixel_graph import FeatureGroup, PixelGraph
from model.eyes.torch_graph import torch_graph
from model.eyes.torchvision_backbones import (
    IMAGENET_MEAN,
    IMAGENET_SD,
    is_torchvision,
    load_weights,
    torchvision_backbone,
)

Library = Literal["frozen", "timm"]


class _Normalised(nn.Module):
    """A backbone that reads uint8 pixels."""

    def __init__(self, backbone: nn.Module, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.backbone = backbone
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", 255 * mean[:, None, None])
        self.register_buffer("deviation", 255 * deviation[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        """What it gives before its classifier."""
        return self.backbone((image.float() - self.mean) / self.deviation).flatten(1)


@dataclass(frozen=True)
class BackboneEye:
    """One group: what a backbone gives before its classifier."""

    library: Library
    backbone: str
    weights: str
    """DEFAULT, or the path of a file."""
    least: int = 32
    size: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """As it was asked for."""
        return f"{self.library}:{self.backbone}"

    def graph(self, size: tuple[int, int]) -> PixelGraph:
        """See `model.eyes.interface.Eye`."""
        if self.weights == "none":
            raise BadInput(
                f"--model.encoder {self.name} needs weights, since nothing of it is trained here: "
                "give --model.weights DEFAULT, or the path of a file"
            )
        module = _of_timm(self) if self.library == "timm" else _of_torchvision(self)
        try:
            with torch.inference_mode():
                width = module.eval()(torch.zeros(2, 3, *size, dtype=torch.uint8)).shape[1]
        except (AssertionError, RuntimeError, ValueError) as error:  # each backbone has its own
            why = " ".join(str(error).split())[:160]
            raise BadInput(
                f"--model.encoder {self.name} cannot read images of {size[1]} × {size[0]} pixels "
                f"({why}); give --data.height and --data.width that it takes"
            ) from None
        digest = hashlib.sha256()
        for value in module.state_dict().values():
            digest.update(value.numpy().tobytes())
        groups = (FeatureGroup(f"{self.name}.last", width),)
        return torch_graph(module, size, groups, f"{self.name} {digest.hexdigest()}")


def _of_torchvision(eye: BackboneEye) -> nn.Module:
    if not is_torchvision(eye.backbone):
        raise BadInput(
            f"--model.encoder {eye.name}: torchvision has no backbone {eye.backbone!r}; choose "
            "one such as frozen:mobilenet_v3_small or frozen:resnet18"
        )
    backbone = torchvision_backbone(eye.backbone, eye.weights)[0]
    return _Normalised(backbone, torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_SD))


def _of_timm(eye: BackboneEye) -> nn.Module:
    try:
        import timm  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise BadInput(
            f"--model.encoder {eye.name} needs timm, which is not installed: pip install timm"
        ) from None
    if not timm.is_model(eye.backbone):
        raise BadInput(
            f"--model.encoder {eye.name}: timm has no backbone {eye.backbone!r}; "
            "timm.list_models() names them"
        )
    published = eye.weights == "DEFAULT"
    try:
        backbone = timm.create_model(eye.backbone, pretrained=published, num_classes=0)
    except Exception as error:  # hubs raise classes of their own
        raise BadInput(
            f"the weights of {eye.name} could not be fetched ({str(error)[:120]}); download them "
            "where there is a network, and give their path with --model.weights"
        ) from None
    if not published:
        load_weights(backbone, Path(eye.weights))
    said = backbone.pretrained_cfg
    return _Normalised(backbone, torch.tensor(said["mean"]), torch.tensor(said["std"]))
