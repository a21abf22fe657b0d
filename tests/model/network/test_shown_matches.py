"""What members count meets what pictures show, and is written into weights without loss."""

import numpy as np
import torch

from data.shown.matches import ShownMatch
from model.heads.logistic_weights import LogisticWeights
from model.network.shown_matches import ShownMatches
from model.training.fit_hierarchical import Components

LOOKS, READ, FACTS, ARTWORKS, MEMBERS = 10, 7, 6, 40, 30
MATCHES = (ShownMatch("titles.genres", (1, 2, 3), (0, 1, 2)), ShownMatch("tags", (5,), (6,)))


def drawn():
    torch.manual_seed(0)
    content, x = torch.randn(ARTWORKS, LOOKS + READ), torch.randn(MEMBERS, 1 + FACTS)
    return content, x


def test_a_match_is_the_sum_over_names_in_units_of_its_own_size():
    content, x = drawn()
    shown = content[:, LOOKS:]
    matched = ShownMatches.of(MATCHES, shown, x)
    member, artwork = (part.ravel() for part in np.meshgrid(range(MEMBERS), range(ARTWORKS)))
    columns = matched.columns(x[member], torch.from_numpy(artwork))
    np.testing.assert_allclose(columns.square().mean(0), 1, rtol=1e-4)
    by_hand = x[member, 2:5] @ torch.eye(3) * shown[artwork, :3]
    assert np.corrcoef(columns[:, 0], by_hand.sum(1))[0, 1] > 0.9999
    assert np.corrcoef(columns[:, 1], x[member, 6] * shown[artwork, 6])[0, 1] > 0.9999


def test_written_into_the_weights_it_moves_artworks_alike():
    content, x = drawn()
    matched = ShownMatches.of(MATCHES, content[:, LOOKS:], x)
    components, _ = Components.by_group(content, (LOOKS,), 0, (READ,))
    scores, features = components(content), 1 + FACTS + 4  # and matches, and names
    mean = LogisticWeights(
        torch.randn(features, scores.shape[1] + 1),
        torch.zeros(ARTWORKS, features),
        torch.zeros(1, features),
    )
    worth = torch.tensor([0.7, -0.3])
    written = matched.written(mean, worth, components.matrix, LOOKS)
    moved = (written.shared - mean.shared)[: 1 + FACTS, :-1]
    said = x @ moved @ scores.T
    rows = torch.arange(ARTWORKS)
    want = torch.stack([matched.columns(one.expand(ARTWORKS, -1), rows) @ worth for one in x])
    np.testing.assert_allclose(
        said - said.mean(1, keepdim=True), want - want.mean(1, keepdim=True), atol=1e-4
    )
    assert want.std() > 0.3
    np.testing.assert_array_equal(written.shared[1 + FACTS :], mean.shared[1 + FACTS :])


def test_where_nothing_is_read_nothing_changes():
    _, x = drawn()
    none = ShownMatches.of((), torch.zeros(ARTWORKS, 0), x)
    assert none.columns(x, torch.zeros(MEMBERS, dtype=torch.long)).shape == (MEMBERS, 0)
    mean = LogisticWeights(*(torch.randn(3, 3) for _ in range(3)))
    torch.testing.assert_close(none.written(mean, torch.zeros(0), torch.eye(2), 2), mean)
