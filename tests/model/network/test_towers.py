"""The network's towers: what is read again of networks that were saved."""

import pytest
import torch

from model.heads.interface import KINDS
from model.network.lightning_module import Learner
from model.network.towers import Architecture, Marquee

FORMERLY = {"title_effect": "appeal", "heads.projection": "heads.reads", ".totals": ".told"}
"""Parts of names now, and as bundles and checkpoints had them."""


def network(kind, seed):
    torch.manual_seed(seed)
    made = Architecture(3, 2, 4, 2, 16, kind, heads=4, rank=4, prior=2, seed=seed)
    return Marquee(None, made).eval()


def formerly(name):
    for now, former in FORMERLY.items():
        name = name.replace(now, former)
    return name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrap", [lambda net: net, Learner], ids=["bundle", "checkpoint"])
def test_weights_that_were_saved_under_former_names_are_read(kind, wrap):
    saved, fresh = wrap(network(kind, 1)), wrap(network(kind, 2))
    state = {formerly(name): value for name, value in saved.state_dict().items()}
    assert set(state) != set(saved.state_dict())
    before = set(state)
    fresh.load_state_dict(state)
    assert set(state) == before
    for name, value in saved.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value), name


def test_weights_under_any_other_name_are_refused():
    state = network("point", 1).state_dict()
    state["candidate.appealing.weight"] = state["candidate.image.weight"]
    with pytest.raises(RuntimeError, match="Unexpected key"):
        network("point", 2).load_state_dict(state)
