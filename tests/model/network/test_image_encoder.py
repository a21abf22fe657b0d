import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from data.errors import BadInput
from model.network.image_encoder import make_encoder

IMAGES = torch.randint(0, 256, (3, 3, 48, 64), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["cnn", "mobilenet_v3_small", "resnet18", "squeezenet1_1"])
def test_an_encoder_reads_bytes_of_any_size(name):
    if name == "squeezenet1_1":
        with pytest.raises(BadInput, match="no linear layer"):
            make_encoder(name, "none", 16)
        return
    encoder = make_encoder(name, "none", 16).eval()
    assert encoder(IMAGES).shape == (3, 16)
    assert encoder(torch.zeros(1, 3, 80, 100, dtype=torch.uint8)).shape == (1, 16)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_come_from_a_file_with_the_classifier_of_another_task(tmp_path, suffix):
    published = get_model("resnet18", weights=None)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pt":
        torch.save(published.state_dict(), path)
    else:
        save_file(published.state_dict(), path)
    encoder = make_encoder("resnet18", str(path), 8)
    assert torch.equal(encoder.backbone.conv1.weight, published.conv1.weight)


def test_weights_that_cannot_be_had_are_refused_by_name(tmp_path):
    other = tmp_path / "other.safetensors"
    save_file(get_model("mobilenet_v3_small", weights=None).state_dict(), other)
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"not weights")
    for name, weights, said in [
        ("resnet18", str(other), "does not fit"),
        ("resnet18", str(broken), "could not be read"),
        ("resnet18", str(tmp_path / "none.pt"), "not a file"),
        ("cnn", "DEFAULT", "no published weights"),
        ("resnet999", "none", "resnet999"),
    ]:
        with pytest.raises(BadInput, match=said):
            make_encoder(name, weights, 8)


def test_code_hidden_in_weights_does_not_run(tmp_path):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "attack.pt"
    torch.save({"conv1.weight": Attack()}, path)
    with pytest.raises(BadInput, match="could not be read"):
        make_encoder("resnet18", str(path), 8)
    assert not (tmp_path / "ran").exists()
