"""The serving code says the same by a bundle's graphs and by its network; where not, it is seen."""

import numpy as np
import pytest

from bench.serving.parity import TorchScorer, compared
from data.features import context_features
from serve.scoring.scorer import Scorer
from tests.export.world import (
    ARTWORKS_TABLE,
    TITLES_TABLE,
    make_bundle,
    make_facts,
    make_images,
    make_network,
)


@pytest.mark.parametrize("kind", ["hierarchical", "dropout"])
def test_a_bundle_scores_as_its_network_does_whatever_its_heads(kind, tmp_path):
    bundle = make_bundle(tmp_path, network=make_network(kind=kind))
    said = []
    for scorer in (TorchScorer(bundle), Scorer(bundle)):
        embeddings = scorer.embed(make_images(len(ARTWORKS_TABLE)))
        artworks = scorer.artworks(embeddings, TITLES_TABLE, ARTWORKS_TABLE)
        members = scorer.members(context_features(scorer.spec, make_facts(50)))
        said.append(list(members.every_score(artworks)))
    found = compared(kind, "cnn", said)
    assert found.decisions == 50
    assert np.ptp(said[0][0]) > 0.01  # there is something to choose
    assert found.gap < 1e-4
    assert (found.equal_greedy, found.equal_drawn) == (1, 1)


def test_what_differs_is_told_by_gap_share_and_preference():
    torch_says = [np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([[2.0, 0.0], [2.0, 0.0]])]
    onnx_says = [np.array([[1.5, 1.0], [0.0, 3.0]]), np.array([[2.0, 0.0], [2.0, 0.0]])]
    found = compared("point", "cnn", [torch_says, onnx_says])
    assert (found.gap, found.equal_greedy, found.equal_drawn, found.nearest) == (1.5, 1, 0.5, 1.0)
