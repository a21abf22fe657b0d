"""Leading directions of each group, and the graph that ends in them."""

import numpy as np
import pytest

from data.errors import BadInput
from data.images.format import ImageFormat
from model.eyes.features import run_graph, seen
from model.eyes.frozen_encoder import fitted, leading_directions, look
from model.eyes.open_eyes import Eyes
from model.eyes.own_model import OwnModel
from model.eyes.pixel_graph import LinearReadout, together
from model.eyes.simple_numbers import SimpleEye
from tests.model.eyes.own_models import convolution, declared
from tests.model.eyes.pictures import noise

SIZE = (32, 32)


@pytest.fixture
def graph(tmp_path):
    convolution(tmp_path)
    own = OwnModel.read(declared(tmp_path, outputs=["embeds", "maps"]))
    return together([own.graph(SIZE), SimpleEye().graph(SIZE)])


def test_each_group_has_mean_square_one_in_directions_of_falling_size(graph, tmp_path):
    pictures = noise(60, SIZE)
    features = seen(graph, pictures, np.arange(60), tmp_path)
    assert [tuple(group) for group in features.groups] == [
        ("own.embeds", 5),
        ("own.maps", 10),
        ("simple", 35),
    ]
    for readout in leading_directions(features, 4):
        said = readout(features.of())
        assert said.shape == (60, 4)
        np.testing.assert_allclose(said.mean(0), 0, atol=1e-3)
        assert float((said**2).mean()) == pytest.approx(1, abs=1e-3)
        spread = said.std(0)
        assert (np.diff(spread) <= 1e-4).all()
        off = np.cov(said.T) - np.diag(np.diag(np.cov(said.T)))
        assert np.abs(off).max() < 1e-2


def test_numbers_too_large_to_learn_from_are_refused(tmp_path):
    convolution(tmp_path)
    own = OwnModel.read(declared(tmp_path, deviation=[1e-25, 1, 1]))
    features = seen(own.graph(SIZE), noise(6, SIZE), np.arange(6), tmp_path)
    with pytest.raises(BadInput, match=r"in own\.embeds of 6 pictures of 6, which is no number"):
        leading_directions(features, 4)


def test_the_graph_sees_new_pictures_as_the_catalogue_was_seen(graph, tmp_path):
    pictures = noise(40, SIZE)
    known = np.arange(0, 40, 2)
    features = seen(graph, pictures, known, tmp_path)
    looked = fitted(graph, features, leading_directions(features, 6), pictures, known, tmp_path)
    assert looked.encoder.groups == (("own.embeds", 5), ("own.maps", 6), ("simple", 6))
    embed = run_graph(looked.encoder.graph, 1)
    np.testing.assert_allclose(embed(pictures[known]), looked.embeddings, atol=1e-4)
    everything = seen(graph, pictures, np.arange(40), tmp_path)
    said = np.concatenate([r(everything.of()) for r in leading_directions(features, 6)], 1)
    np.testing.assert_allclose(embed(pictures), said, atol=1e-4)
    # Those who serve find what training computed, and compute the rest alone.
    np.testing.assert_array_equal(
        looked.encoder.embed(pictures, known[:3], tmp_path), looked.embeddings[:3]
    )


def test_a_read_out_of_several_groups_joins_the_embedding(graph, tmp_path):
    pictures = noise(30, SIZE)
    features = seen(graph, pictures, np.arange(30), tmp_path)
    rng = np.random.default_rng(1)
    reads = {
        name: (numbers.mean(0), rng.normal(size=(numbers.shape[1], 3)))
        for name, numbers in features.of().items()
    }
    both = LinearReadout("both", reads, np.array([1.0, -1.0, 0.5]))
    readouts = [*leading_directions(features, 2), both]
    looked = fitted(graph, features, readouts, pictures, np.arange(30), tmp_path)
    assert looked.encoder.groups[-1] == ("both", 3)
    expected = sum((features.of()[n] - m) @ w for n, (m, w) in reads.items()) + both.shift
    said = run_graph(looked.encoder.graph, 1)(pictures)[:, -3:]
    np.testing.assert_allclose(said, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_pictures_have_few_directions(tmp_path, count):
    eyes, pictures = Eyes.named("simple", "none"), noise(count, (48, 64))
    looked = look(eyes, ImageFormat(48, 64), pictures, np.arange(count), tmp_path)
    assert looked.encoder.groups == (("simple", max(1, count - 1)),)
    assert np.isfinite(looked.embeddings).all()


def test_equal_pictures_and_eyes_give_equal_graphs(graph, tmp_path):
    pictures = noise(12, SIZE)
    made = []
    for cache in ("a", "b"):
        features = seen(graph, pictures, np.arange(12), tmp_path / cache)
        of = fitted(
            graph, features, leading_directions(features), pictures, np.arange(12), tmp_path
        )
        made.append(of.encoder)
    assert made[0] == made[1]
