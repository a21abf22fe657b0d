"""What a network is made of, as a manifest says it, and the network again with its weights."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from data.bundle import Bundle
from data.errors import BadInput
from model.eyes.open_eyes import is_frozen
from model.network.former_weights import RANDOM_NAMES
from model.network.image_encoder import SmallCNN, make_encoder
from model.network.towers import Architecture, ColumnMatch, Marquee

REFUSED = (
    *(SafetensorError, UnpicklingError, EOFError, OSError),
    *(RuntimeError, KeyError, TypeError, ValueError),
)
"""What the readers of weights raise for files that are none."""


SAID = ("context", "title", "genres", "buckets", "embedding", "kind", "heads", "rank", "prior")
"""What a manifest says of an architecture: the rest is in the weights."""


def architecture_of(network: Marquee, encoder: str | None) -> dict[str, object]:
    """What `build` needs.

    Args:
        network: of any kind of heads.
        encoder: name of its encoder; None: found out, if it is the small CNN.
    """
    if network.encoder is None:
        encoder = encoder if encoder is not None and is_frozen(encoder) else None
    elif encoder is None:
        small = isinstance(getattr(network.encoder, "backbone", None), SmallCNN)
        encoder = "cnn" if small else "unknown"
    described = {name: getattr(network.architecture, name) for name in SAID}
    if network.architecture.declared:  # what has none is said as it was before there was any
        described["declared"] = network.architecture.declared
    if network.architecture.groups:
        described["groups"] = [list(group) for group in network.architecture.groups]
    if network.architecture.shown:
        described["shown"] = list(network.architecture.shown)
    if network.architecture.matches:
        described["matches"] = [list(map(list, of)) for of in network.architecture.matches]
    return {**described, "heads": network.context.heads.heads, "encoder": encoder}


def build(architecture: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> Marquee:
    """A network with weights, in evaluation.

    Raises:
        BadInput: the weights are of another network, or of a time when names met by random vectors.
    """
    if any(name in state for name in RANDOM_NAMES):
        raise BadInput(
            "the weights are of a time when names met by random vectors, of which their network "
            "cannot be made again; their bundle is served as it is, and `python train.py` (with "
            "--fit.warm-start, if you like) makes a new one"
        )
    settings = dict(architecture)
    name = settings.pop("encoder")
    groups = settings["groups"] = tuple(map(tuple, settings.get("groups", ())))
    said = settings.pop("matches", ())
    settings["matches"] = tuple(ColumnMatch(*map(tuple, of)) for of in said)
    shortened = "encoder.out.0.weight" in state
    width = (groups[0][1] if groups else settings["embedding"]) if shortened else None
    encoder = None
    if name is not None and not is_frozen(name):  # whose graph is all there is of it
        encoder = make_encoder(name, "none", width)
    settings["shown"] = tuple(settings.get("shown", ()))
    network = Marquee(encoder, Architecture(**settings))
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        raise BadInput(
            f"the weights are of another network ({' '.join(str(error).split())[:240]}); give "
            "those of a run with the same --model options"
        ) from None
    return network.eval()


def network_of(bundle: Bundle) -> Marquee:
    """The network that a bundle was exported from.

    Raises:
        BadInput: the bundle does not say what its network is made of.
    """
    return build(said_of(bundle), load_file(bundle.file("weights.safetensors")))


def said_of(bundle: Bundle) -> dict[str, Any]:
    """What a bundle says of its network, for `build`.

    Raises:
        BadInput: it does not say.
    """
    described = bundle.manifest.network
    if not isinstance(described, dict) or described.get("encoder", "unknown") == "unknown":
        raise BadInput(
            f"bundle {bundle.bundle_id} does not name its encoder, so its network cannot be made "
            "again; give write_bundle its name, or train again"
        )
    return described


def read_weights(file: Path) -> dict[str, torch.Tensor]:
    """A network's weights from a `.safetensors` file or a Lightning checkpoint.

    Nothing in the file is run: only tensors are read.

    Raises:
        BadInput: the file is missing or neither of these.
    """
    if not file.is_file():
        raise BadInput(f"no weights at {file}; train.py leaves checkpoints in its run's folder")
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        held = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    except REFUSED as error:
        raise BadInput(
            f"{file} is no whole .safetensors file or Lightning checkpoint ({str(error)[:160]}); "
            "give one that training wrote"
        ) from None
    prefix = "network."
    return {k.removeprefix(prefix): v for k, v in held.items() if k.startswith(prefix)}
