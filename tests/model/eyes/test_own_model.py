"""A user's own ONNX model sees what it was declared to see, or is refused in a sentence."""

import numpy as np
import onnx
import pytest
from onnx import helper

from data.errors import BadInput
from model.eyes.features import run_graph
from model.eyes.own_model import OwnModel
from tests.model.eyes.own_models import WEIGHTS, convolution, declared
from tests.model.eyes.pictures import noise

MEAN, DEVIATION = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


def maps_of(pictures: np.ndarray) -> np.ndarray:
    """What the convolution says, in NumPy."""
    shaped = (3, 1, 1)
    x = (pictures / 255 - np.reshape(MEAN, shaped)) / np.reshape(DEVIATION, shaped)
    blocks = x.reshape(len(x), 3, 8, 4, 8, 4)
    return np.einsum("ncyaxb,ocab->noyx", blocks, WEIGHTS)


@pytest.mark.parametrize("opset", [13, 18, 21])
def test_its_layers_are_read_with_its_normalisation(tmp_path, opset):
    convolution(tmp_path, opset=opset)
    said = {"mean": MEAN, "deviation": DEVIATION, "outputs": ["embeds", "maps", "tokens"]}
    own = OwnModel.read(declared(tmp_path, **said))
    graph = own.graph(own.size)
    assert [tuple(group) for group in graph.groups] == [
        ("own.embeds", 5),
        ("own.maps", 10),
        ("own.tokens", 10),
    ]
    pictures = noise(4, (32, 32))
    maps = maps_of(pictures)
    of_maps = np.concatenate([maps.mean((2, 3)), maps.std((2, 3))], 1)
    expected = np.concatenate([maps.mean((2, 3)), of_maps, of_maps], 1)
    np.testing.assert_allclose(run_graph(graph.model, 1)(pictures), expected, atol=1e-4)


@pytest.mark.parametrize("first", ["maps", "tokens"])
def test_its_layers_may_be_declared_in_any_order(tmp_path, first):
    convolution(tmp_path)
    own = OwnModel.read(declared(tmp_path, mean=MEAN, deviation=DEVIATION, outputs=[first]))
    graph = own.graph(own.size)
    assert [tuple(group) for group in graph.groups] == [(f"own.{first}", 10)]
    pictures = noise(4, (32, 32))
    maps = maps_of(pictures)
    expected = np.concatenate([maps.mean((2, 3)), maps.std((2, 3))], 1)
    np.testing.assert_allclose(run_graph(graph.model, 1)(pictures), expected, atol=1e-4)


def test_it_gives_what_its_model_gives_where_nothing_is_declared(tmp_path):
    convolution(tmp_path)
    own = OwnModel.read(declared(tmp_path))
    assert [tuple(group) for group in own.graph(own.size).groups] == [("own.embeds", 5)]


def test_another_model_has_another_key(tmp_path):
    convolution(tmp_path)
    plain = OwnModel.read(declared(tmp_path))
    key = plain.graph(plain.size).key
    other = OwnModel.read(declared(tmp_path, mean=MEAN))
    assert other.graph(other.size).key != key


def test_weights_in_a_file_beside_it_are_part_of_its_key(tmp_path):
    model = onnx.load(convolution(tmp_path))
    file = tmp_path / "own.onnx"
    onnx.save(model, file, save_as_external_data=True, location="own.data", size_threshold=0)
    own = OwnModel.read(declared(tmp_path))
    key, whole = own.graph(own.size).key, file.read_bytes()
    weights = tmp_path / "own.data"
    weights.write_bytes(WEIGHTS[::-1].tobytes() + weights.read_bytes()[WEIGHTS.nbytes :])
    assert own.graph(own.size).key != key
    assert file.read_bytes() == whole


REFUSED = [
    ({"height": None}, {}, "lacks height"),
    ({"heigth": 3}, {}, "'heigth' is not known"),
    ({"height": "tall"}, {}, "sizes and means are numbers"),
    ({"deviation": [0, 1, 1]}, {}, "deviations above 0"),
    ({"deviation": [float("nan"), 1, 1]}, {}, "three finite numbers"),
    ({"mean": [float("inf"), 0, 0]}, {}, "three finite numbers, deviations"),
    ({"height": 10**9}, {}, "of 1 to 16,384 pixels"),
    ({"outputs": ["maps", "maps"]}, {}, "outputs have 'maps' twice"),
    ({"file": "nowhere.onnx"}, {}, "cannot be read as an ONNX model"),
    ({"height": 64}, {}, r"takes float\[None, 3, 32, 32\], and float\[rows, 3, 64, 32\]"),
    ({"height": float("inf")}, {}, "sizes and means are numbers"),
    ({"outputs": ["nothing"]}, {}, "has no value 'nothing'"),
    ({"outputs": 5}, {}, "outputs are a list of names"),
    ({}, {"rows": 1}, "takes 1 images at a time"),
    ({}, {"kind": 11}, "takes double"),
]


def test_what_is_no_number_for_plain_pictures_is_refused(tmp_path):
    file = convolution(tmp_path)
    model = onnx.load(file)
    nodes = [  # colours over themselves, which are 0 where all is black
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["colours"]),
        helper.make_node("Div", ["colours", "colours"], ["unit"]),
        helper.make_node("Flatten", ["unit"], ["units"], axis=1),
    ]
    model.graph.node.extend(nodes)
    onnx.save(model, file)
    own = OwnModel.read(declared(tmp_path, outputs=["units"]))
    with pytest.raises(BadInput, match="gives units that is no number for a black or a white"):
        own.graph(own.size)


@pytest.mark.parametrize(("said", "made", "words"), REFUSED, ids=[r[2][:24] for r in REFUSED])
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path, said, made, words):
    convolution(tmp_path, **made)
    file = declared(tmp_path, **said)

    def opened() -> None:
        own = OwnModel.read(file)
        own.graph(own.size)

    with pytest.raises(BadInput, match=words) as refused:
        opened()
    assert "\n" not in str(refused.value)
    assert "own.yaml" in str(refused.value)
