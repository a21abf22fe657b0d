"""Encoders by name: what is chosen, what size they read, what is refused."""

import pytest

from data.errors import BadInput
from data.images.format import ImageFormat
from model.eyes.efficientnet_lite import package_file
from model.eyes.open_eyes import Eyes, chosen_encoder, is_frozen
from model.eyes.pixel_graph import together
from tests.model.eyes.own_models import convolution, declared


def test_what_is_installed_decides_and_is_said():
    name, words = chosen_encoder("auto")
    assert name == ("cnn+simple" if package_file() is None else "lite0+simple")
    assert words is not None
    assert name in words
    assert chosen_encoder("resnet18") == ("resnet18", None)
    with pytest.raises(BadInput, match=r"--model\.weights w\.pt are of an encoder"):
        chosen_encoder("auto", "w.pt")


def test_eyes_that_learn_nothing_are_told_from_those_that_do():
    for name in (
        "lite0+simple",
        "simple",
        "onnx:a.yaml",
        "timm:vit_tiny",
        "frozen:resnet18",
        "features+lite0",
    ):
        assert is_frozen(name), name
    for name in ("cnn", "cnn+simple", "resnet18", "features", "attributes"):
        assert not is_frozen(name), name


def test_published_networks_read_finer_pictures():
    usual = ImageFormat(120, 80, canvas="tile")
    read = Eyes.named("lite0+simple", "none").format(usual, told=False)
    assert read == ImageFormat(240, 160, canvas="tile")
    told = Eyes.named("lite0", "none").format(ImageFormat(90, 160), told=True)
    assert told == ImageFormat(90, 160)


def test_a_model_of_ones_own_has_the_size_that_it_was_declared_with(tmp_path):
    convolution(tmp_path)
    eyes = Eyes.named(f"simple+onnx:{declared(tmp_path)}", "none")
    assert eyes.format(ImageFormat(), told=False) == ImageFormat(32, 32)
    with pytest.raises(BadInput, match="takes images of 32 × 32 pixels; leave them out"):
        eyes.format(ImageFormat(), told=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lite0+cnn", "has 'cnn' beside eyes that learn nothing"),
        ("simple+onnx:", "has 'onnx:' beside"),
        ("onnx:nowhere.yaml", "nowhere.yaml cannot be read"),
    ],
)
def test_what_is_no_eye_is_refused(name, said):
    with pytest.raises(BadInput, match=said):
        Eyes.named(name, "none")


def test_the_package_stands_beside_backbones_with_published_weights():
    eyes = Eyes.named("lite0+frozen:resnet18", "DEFAULT")
    assert eyes.each[0] == Eyes.named("lite0", "none").each[0]


def test_groups_of_one_name_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        convolution(folder)
    both = "+".join(f"onnx:{declared(f)}" for f in (tmp_path, tmp_path / "other"))
    for name, twice in (("simple+simple", "simple"), (both, "own.embeds")):
        graphs = [eye.graph((32, 32)) for eye in Eyes.named(name, "none").each]
        with pytest.raises(BadInput, match=f"has '{twice}' twice"):
            together(graphs)


def test_pictures_too_small_to_be_seen_are_refused():
    with pytest.raises(BadInput, match="16 × 40 pixels are too small for lite0"):
        Eyes.named("lite0", "none").format(ImageFormat(40, 16), told=True)


def test_a_size_that_suits_nobody_is_not_said_to_be_told(tmp_path):
    convolution(tmp_path, side=16)
    eyes = Eyes.named(f"simple+onnx:{declared(tmp_path, height=16, width=16)}", "none")
    with pytest.raises(BadInput, match=r"too small for simple.* so leave one of them out"):
        eyes.format(ImageFormat(), told=False)


def test_weights_that_nobody_reads_are_refused():
    with pytest.raises(BadInput, match=r"nothing of --model\.encoder simple reads weights"):
        Eyes.named("simple", "some.pth")
