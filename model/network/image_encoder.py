"""Image encoders: uint8 pixels, or what stands in their place, to an embedding.

Normalisation is inside, so that a bundle's graph reads pixels as they are decoded.
"""

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models
from torchvision.models import get_model, list_models

from data.errors import BadInput

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
INSTEAD_OF_PIXELS = ("attributes", "features")


class ImageEncoder(nn.Module):
    """A backbone between two normalisations: pixels alone decide.

    The embedding is all that the backbone gives unless it is made shorter: what members like in an
    image is in directions that the encoder's own training need not keep.
    """

    def __init__(self, backbone: nn.Module, width: int, embedding: int | None) -> None:
        super().__init__()
        self.backbone, self.embedding = backbone, embedding or width
        shorter = nn.Linear(width, embedding) if embedding else nn.Identity()
        self.out = nn.Sequential(shorter, nn.BatchNorm1d(self.embedding, affine=False))
        self.mean: Tensor
        self.sd: Tensor
        self.register_buffer("mean", 255 * torch.tensor(IMAGENET_MEAN)[:, None, None])
        self.register_buffer("sd", 255 * torch.tensor(IMAGENET_SD)[:, None, None])

    def forward(
        self, image: UInt8[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images embedding"]:
        """Any image can be scored, seen in training or not."""
        return self.out(self.backbone((image.float() - self.mean) / self.sd))


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
    """The encoder of that name.

    Args:
        name: `cnn`, or any classification backbone of torchvision.
        weights: none (random), DEFAULT (torchvision's, fetched by it), or the path of a file.
        embedding: numbers that it gives for an image; None: all that the backbone gives.

    Raises:
        BadInput: no such backbone, or weights that cannot be had or do not fit.
    """
    if name == "cnn":
        backbone = SmallCNN()
        if weights == "DEFAULT":
            raise BadInput(
                "--model.weights is DEFAULT, but the encoder cnn has no published weights; give "
                "none, the path of a file, or a torchvision backbone with --model.encoder"
            )
        width = backbone.width
    elif name in list_models(module=models):
        backbone = _torchvision(name, weights)
        width = _headless(backbone)
    else:
        raise BadInput(
            f"--model.encoder is {name!r}; choose cnn, attributes, features, or a backbone of "
            "torchvision such as mobilenet_v3_small or resnet18"
        )
    if weights not in ("none", "DEFAULT"):
        _load(backbone, Path(weights))
    return ImageEncoder(backbone, width, embedding)


def _torchvision(name: str, weights: str) -> nn.Module:
    try:
        return get_model(name, weights="DEFAULT" if weights == "DEFAULT" else None)
    except OSError as error:  # URLError is one
        raise BadInput(
            f"the weights of {name} could not be fetched ({error}); download them where there is "
            "a network and give their path with --model.weights, or train from scratch with none"
        ) from None


def _headless(backbone: nn.Module) -> int:
    """Take the last linear layer off, whatever it is called; gives the width before it.

    Raises:
        BadInput: there is none.
    """
    linear = [p for p in backbone.named_modules() if isinstance(p[1], nn.Linear)]
    if not linear:
        raise BadInput(
            f"{type(backbone).__name__} has no linear layer to take off; choose another backbone "
            "with --model.encoder, such as mobilenet_v3_small or resnet18"
        )
    path, last = linear[-1]
    parent, _, name = path.rpartition(".")
    setattr(backbone.get_submodule(parent), name, nn.Identity())
    assert isinstance(last, nn.Linear)
    return last.in_features


def _load(backbone: nn.Module, path: Path) -> None:
    """Load what fits; the classifier of another task may be there and is left out.

    Raises:
        BadInput: the file is missing, is no weights, or does not fit.
    """
    if not path.is_file():
        raise BadInput(f"--model.weights names {path}, which is not a file; give one, or none")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BadInput(
            f"{path} could not be read as weights ({type(error).__name__}); give a .safetensors "
            "file or a state_dict saved by torch.save"
        ) from None
    own = backbone.state_dict()
    missing = [name for name in own if name not in state]
    unlike = [name for name in own if name in state and state[name].shape != own[name].shape]
    if missing or unlike:
        raise BadInput(
            f"{path} does not fit the encoder: {len(missing)} tensors are missing, "
            f"{len(unlike)} of another shape, the first {(missing + unlike)[0]}"
        )
    backbone.load_state_dict({name: state[name] for name in own})
