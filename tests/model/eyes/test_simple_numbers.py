"""Numbers of a picture by code say what their names say."""

import numpy as np
import pytest
import torch

from model.eyes.features import run_graph
from model.eyes.simple_numbers import NAMES, SimpleEye, SimpleNumbers
from tests.model.eyes.pictures import cut_outs, noise


def numbers(picture: np.ndarray) -> dict[str, float]:
    with torch.inference_mode():
        said = SimpleNumbers()(torch.from_numpy(np.ascontiguousarray(picture[None])))[0]
    return dict(zip(NAMES, said.tolist(), strict=True))


def plain(*colour: int) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8)[:, None, None], (3, 72, 128)).copy()


def test_there_are_thirty_five_each_with_a_name_of_its_own():
    assert len(set(NAMES)) == len(NAMES) == 35


def test_colours_are_told():
    red, grey = numbers(plain(255, 0, 0)), numbers(plain(128, 128, 128))
    assert (red["mean red"], red["mean blue"]) == (1.0, 0.0)
    assert red["red less green"] == pytest.approx(1)
    assert red["mean saturation"] == pytest.approx(1)
    assert grey["mean saturation"] == grey["red less blue"] == 0
    assert grey["brightness, quantile 50%"] == pytest.approx(128 / 255, abs=1e-5)
    assert grey["deviation of brightness"] < 0.01


def test_quantiles_are_those_of_the_brightness():
    ramp = np.broadcast_to(np.linspace(0, 255, 128).astype(np.uint8), (3, 72, 128)).copy()
    said = numbers(ramp)
    for q in (5, 25, 50, 75, 95):
        assert said[f"brightness, quantile {q}%"] == pytest.approx(q / 100, abs=0.02)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_edges_are_told_by_their_way_and_scale(scale):
    stripes = np.tile(np.repeat([0, 255], scale), 128)[:128].astype(np.uint8)
    upright = numbers(np.broadcast_to(stripes, (3, 72, 128)).copy())
    name = f"edges at scale {scale}"
    assert upright[f"upright {name}"] > 0.9
    assert upright[f"level {name}"] == pytest.approx(0, abs=1e-6)
    if scale > 1:
        assert upright["upright edges at scale 1"] < 0.6


def test_what_the_middle_has_is_told():
    picture = plain(0, 0, 0)
    picture[0, 18:54, 32:96] = 255
    said = numbers(picture)
    assert said["red in the middle, less the whole"] == pytest.approx(0.75, abs=0.01)
    assert said["green in the middle, less the whole"] == 0
    assert said["edges in the middle at scale 1, less the whole"] > 0


def test_a_finer_picture_of_the_same_has_the_same_numbers():
    [small] = noise(1, (72, 128))
    fine = small.repeat(2, 1).repeat(2, 2)
    assert numbers(fine) == pytest.approx(numbers(small), abs=1e-5)


def test_the_graph_says_what_torch_says():
    pictures = cut_outs("mammals-tiger", "birds-owl", "birds-crow")
    graph = SimpleEye().graph((144, 256))
    with torch.inference_mode():
        torch_says = SimpleNumbers()(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(run_graph(graph.model, 1)(pictures), torch_says, atol=1e-5)
    assert graph.width == 35
