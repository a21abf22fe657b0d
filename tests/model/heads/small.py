"""Heads of a small size, and contexts for them."""

import torch

from model.heads.interface import HeadSettings
from model.heads.make_heads import make_heads
from model.heads.prior_network import PriorNetwork

CONTEXT, WIDTH, RANK, HEADS, PRIOR, PRIOR_FEATURES = 6, 10, 5, 8, 4, 64


def settings(**options):
    sizes = {
        "heads": HEADS,
        "prior": PRIOR,
        "prior_features": PRIOR_FEATURES,
        "facts": CONTEXT,
    }
    return HeadSettings(WIDTH, RANK, **sizes | options)


def small_heads(kind, **options):
    torch.manual_seed(0)
    return make_heads(kind, settings(**options))


def contexts(heads, count=7, seed=0):
    """What the trunk gives, and what heads read beside it."""
    draw = torch.Generator().manual_seed(seed)
    g, facts = (torch.randn(count, size, generator=draw) for size in (WIDTH, CONTEXT))
    return g, heads.context_input(facts, PriorNetwork(CONTEXT, PRIOR_FEATURES))
