import pytest
import torch

from model.heads.interface import KINDS
from model.heads.make_heads import OF_KIND, make_heads
from tests.model.heads.small import RANK, contexts, settings, small_heads


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not OF_KIND[kind].has_prior_functions])
def test_kinds_without_prior_functions_leave_their_numbers_zero(kind):
    heads = small_heads(kind).eval()
    bank = heads(*contexts(heads))
    assert not bank[..., RANK:].any()
    assert bank[..., :RANK].any()
    assert not heads.prior_part(torch.ones(3, 9)).any()


@pytest.mark.parametrize("kind", ["bootstrap", "hierarchical"])
def test_kinds_that_read_contexts_say_so_when_they_get_none(kind):
    heads = small_heads(kind)
    with pytest.raises(ValueError, match=r"read (64|6) f"):
        heads(contexts(heads)[0], None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "ensemble"}, "kind 'ensemble'"),
        ({"kind": "bootstrap", "heads": 0}, "heads is 0"),
        ({"kind": "dropout", "keep": 0.0}, "keep is 0.0"),
    ],
)
def test_bad_settings_are_refused_with_their_value(options, said):
    with pytest.raises(ValueError, match=said):
        make_heads(options.pop("kind"), settings(**options))
