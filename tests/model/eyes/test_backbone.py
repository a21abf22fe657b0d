"""Published backbones as they are, from weights in a file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model, get_weight

from data.errors import BadInput
from model.eyes.backbone import BackboneEye
from model.eyes.features import run_graph
from model.eyes.torchvision_backbones import IMAGENET_MEAN, IMAGENET_SD
from tests.model.eyes.pictures import noise


def test_a_backbone_gives_what_it_has_before_its_classifier(tmp_path):
    torch.manual_seed(0)
    published = get_model("resnet18", weights=None)
    save_file(published.state_dict(), tmp_path / "weights.safetensors")
    graph = BackboneEye("frozen", "resnet18", str(tmp_path / "weights.safetensors")).graph((32, 40))
    assert [tuple(group) for group in graph.groups] == [("frozen:resnet18.last", 512)]
    pictures = noise(3, (32, 40))
    published.fc = torch.nn.Identity()
    mean, deviation = (torch.tensor(of)[:, None, None] for of in (IMAGENET_MEAN, IMAGENET_SD))
    with torch.inference_mode():
        torch_says = published.eval()((torch.from_numpy(pictures) / 255 - mean) / deviation)
    said = run_graph(graph.model, 1)(pictures)
    np.testing.assert_allclose(said, torch_says.numpy(), rtol=1e-4, atol=1e-4)


def test_pictures_of_a_size_that_it_cannot_read_are_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    save_file(get_model("densenet121", weights=None).state_dict(), file)
    with pytest.raises(BadInput, match=r"cannot read images of 24 × 16 pixels .*--data\.height"):
        BackboneEye("frozen", "densenet121", str(file)).graph((16, 24))


@pytest.mark.parametrize("kept", [b"<html>sign in</html>", b""], ids=["another", "empty"])
def test_published_weights_that_are_something_else_are_refused(tmp_path, monkeypatch, kept):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / Path(get_weight("ResNet18_Weights.DEFAULT").url).name
    file.parent.mkdir(parents=True)
    file.write_bytes(kept)
    with pytest.raises(BadInput, match=r"not those that torchvision knows .*; remove them") as no:
        BackboneEye("frozen", "resnet18", "DEFAULT").graph((32, 40))
    assert "\n" not in str(no.value)


@pytest.mark.parametrize("state", [torch.zeros(3), {"conv1.weight": 3}], ids=["tensor", "number"])
def test_files_that_hold_no_weights_are_refused(tmp_path, state):
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(BadInput, match="does not fit the encoder: 120 tensors are missing"):
        BackboneEye("frozen", "resnet18", str(tmp_path / "weights.pt")).graph((32, 40))


@pytest.mark.parametrize(
    ("library", "name", "weights", "said"),
    [
        ("frozen", "resnet18", "none", "needs weights, since nothing of it is trained here"),
        ("frozen", "resnet999", "DEFAULT", "torchvision has no backbone 'resnet999'"),
        ("frozen", "resnet18", "nowhere.pt", "not a file"),
    ],
)
def test_what_cannot_be_had_is_refused(library, name, weights, said):
    with pytest.raises(BadInput, match=said):
        BackboneEye(library, name, weights).graph((32, 40))
