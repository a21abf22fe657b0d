import torch

from tests.model.heads.small import HEADS, RANK, WIDTH, small_heads


def test_dropout_heads_are_the_map_under_each_mask():
    heads = small_heads("dropout", keep=0.5).eval()
    g = torch.randn(4, WIDTH)
    bank = heads(g)
    for head in range(HEADS):
        expected = heads.functional(g * heads.masks[head])
        torch.testing.assert_close(bank[:, head, :RANK], expected)
    assert (heads.masks.sum(1) - WIDTH).abs().max() < 1e-5
