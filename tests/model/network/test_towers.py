"""The network's towers: what is read again of networks that were saved."""

import pytest
import torch

from model.heads.interface import KINDS
from model.network.lightning_module import Learner
from model.network.names import NameWeights, every_match, match_unit, row_matches
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


@pytest.mark.parametrize("wrap", [lambda net: net, Learner], ids=["bundle", "checkpoint"])
def test_heads_that_were_saved_before_one_was_inferred_have_no_base(wrap):
    saved, fresh = wrap(network("bootstrap", 1)), wrap(network("bootstrap", 2))
    state = {name: of for name, of in saved.state_dict().items() if ".base." not in name}
    fresh.load_state_dict(state)
    base, facts = (fresh if wrap is not Learner else fresh.network).context.base, torch.ones(3, 2)
    assert torch.equal(base.features(facts), torch.ones(3, 3))
    assert not base.projected(facts).any()


@pytest.mark.parametrize("wrap", [lambda net: net, Learner], ids=["bundle", "checkpoint"])
def test_vectors_that_names_met_by_are_left_out_of_what_was_saved(wrap):
    saved, fresh = wrap(network("point", 1)), wrap(network("point", 2))
    state = saved.state_dict()
    inside = "network." if wrap is Learner else ""
    for side in ("candidate", "context"):
        state[f"{inside}{side}.names.table.weight"] = torch.randn(16, 24)
    fresh.load_state_dict(state)
    for name, value in saved.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value), name


def test_names_match_where_they_are_equal_and_nowhere_else():
    made = network("point", 1)
    ids, weights = torch.tensor([[3, 5, 0], [7, 0, 0]]), torch.tensor([[0.5, 0.5, 0], [1, 0, 0.0]])
    cast = torch.tensor([[3, 5, 7, 9]] * 2), torch.full((2, 4), 0.25)
    shown = made.candidate.names(ids, weights, *cast)
    one = NameWeights(ids, weights)
    match = every_match(one, shown)
    # The first watches 3 and 5, which its artwork shows beyond their part of the cast.
    torch.testing.assert_close(match, torch.tensor([[0.25, -0.25], [-0.25, 0.75]]))
    torch.testing.assert_close(row_matches(one, shown), match.diagonal())
    nobody = made.candidate.names(ids, weights * 0, *cast)
    assert not every_match(one, nobody).any()


def test_what_counts_as_a_match_does_not_depend_on_how_many_match_nothing():
    watched = NameWeights(torch.tensor([[1, 2], [3, 4]]), torch.full((2, 2), 0.5))
    tags = NameWeights(torch.tensor([[1], [9]]), torch.tensor([[0.8], [0.5]]))
    nobody = NameWeights(torch.zeros(2, 1, dtype=torch.long), torch.zeros(2, 1))
    strangers = NameWeights(torch.arange(50, 90).reshape(-1, 1), torch.ones(40, 1))
    assert match_unit(watched, tags, nobody) == pytest.approx(0.4)
    many = NameWeights(*(torch.cat(pair) for pair in zip(tags, strangers, strict=True)))
    assert match_unit(watched, many, nobody) == pytest.approx(0.4)
    assert match_unit(watched, strangers, tags) == pytest.approx(0.4)
    assert match_unit(watched, strangers, nobody) == 1


def test_weights_under_any_other_name_are_refused():
    state = network("point", 1).state_dict()
    state["candidate.appealing.weight"] = state["candidate.image.weight"]
    with pytest.raises(RuntimeError, match="Unexpected key"):
        network("point", 2).load_state_dict(state)
