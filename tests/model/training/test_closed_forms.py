"""Heads that learn by gradients begin at what the closed form infers."""

import numpy as np
import pytest
import torch

from model.training.closed_forms import begin_in_closed_form
from tests.model.training.test_fit_hierarchical import (
    ARTWORKS,
    COUNT,
    FACTS,
    NEVER,
    OWN,
    examples,
    learner,
    worth,
)

ROWS = 6000


@pytest.mark.parametrize("kind", ["bootstrap", "dropout", "point"])
def test_before_a_step_heads_know_what_facts_say_of_artwork_never_shown(kind):
    net = learner(kind)
    begin_in_closed_form(net.network, examples(rows=ROWS), ARTWORKS)
    new, later = np.arange(COUNT - NEVER, COUNT), examples(1, rows=1200)
    later.artwork_of[:] = np.resize(new, 1200)
    batch = later[np.arange(1200)]
    with torch.no_grad():
        logits = net.eval().logits(batch, batch.images).mean(1).numpy()
    dense = later.context.dense
    true = worth(later.images, dense, later.artwork_of)
    assert dense.shape[1] == FACTS
    assert not OWN.keys() & {f"a{row:02d}" for row in new}
    assert np.corrcoef(logits, true)[0, 1] > 0.85


def test_what_was_inferred_stays_and_the_heads_alone_learn():
    net = learner("bootstrap")
    begin_in_closed_form(net.network, examples(rows=ROWS), ARTWORKS)
    learns = {name for name, weights in net.network.named_parameters() if weights.requires_grad}
    assert "context.heads.functional.weight" in learns
    assert not {name for name in learns if name.startswith(("candidate.image", "context.match."))}
    assert not net.network.context.heads.functional.weight.any()


def test_hierarchical_heads_are_a_closed_form_already():
    net = learner()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    begin_in_closed_form(net.network, examples(rows=100), ARTWORKS)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
