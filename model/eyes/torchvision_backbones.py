"""Backbones of torchvision without their classifier, and weights from files."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.hub import get_dir
from torchvision import models
from torchvision.models import get_model, list_models

from data.errors import BadInput, first_line

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)


def is_torchvision(name: str) -> bool:
    """Whether torchvision has a classification backbone of that name."""
    return name in list_models(module=models)


def torchvision_backbone(name: str, weights: str) -> tuple[nn.Module, int]:
    """A backbone and the numbers that it gives.

    Args:
        name: of it, one that `is_torchvision`.
        weights: none (random), DEFAULT (torchvision's, fetched by it), or the path of a file.

    Raises:
        BadInput: weights that cannot be had or do not fit, or nothing to take off.
    """
    backbone = _torchvision(name, weights)
    width = _headless(backbone)
    if weights not in ("none", "DEFAULT"):
        load_weights(backbone, Path(weights))
    return backbone, width


def _torchvision(name: str, weights: str) -> nn.Module:
    if weights != "DEFAULT":
        return get_model(name, weights=None)
    try:
        return get_model(name, weights="DEFAULT")
    except OSError as error:  # URLError is one
        raise BadInput(
            f"the weights of {name} could not be fetched ({error}); download them where there is "
            "a network and give their path with --model.weights, or train from scratch with none"
        ) from None
    except Exception as error:  # another hash, or a kept file that is cut short or something else
        raise BadInput(
            f"the weights of {name} that were fetched are not those that torchvision knows "
            f"({first_line(error, 120)}); remove them from {Path(get_dir()) / 'checkpoints'}, and "
            "fetch them again"
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


def load_weights(backbone: nn.Module, path: Path) -> None:
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
    state = state if isinstance(state, dict) else {}
    own = backbone.state_dict()
    missing = [name for name in own if not isinstance(state.get(name), Tensor)]
    unlike = [n for n in own if n not in missing and state[n].shape != own[n].shape]
    if missing or unlike:
        raise BadInput(
            f"{path} does not fit the encoder: {len(missing)} tensors are missing, "
            f"{len(unlike)} of another shape, the first {(missing + unlike)[0]}"
        )
    backbone.load_state_dict({name: state[name] for name in own})
