"""Weights that were saved before, as networks of now have them."""

import torch
from torch import Tensor, nn

FORMER_NAMES = {
    "candidate.appeal.": "candidate.title_effect.",
    "context.appeal.": "context.title_effect.",
    "context.heads.reads": "context.heads.projection",
    "context.heads.posteriors.0.told": "context.heads.posteriors.0.totals",
}
"""In bundles and checkpoints written before, → what they are called now."""
RANDOM_NAMES = ("candidate.names.table.weight", "context.names.table.weight")
"""The vectors that names met by before they met by equality; equal names had a product of about 1,
which is what a match is now."""
LATER = ("doubt", "candidate.worth", "context.match_shift", "context.match_spread")
"""What networks had not before: a doubt that is 0, and matches of columns, of which there are none.
"""
BASE = ("context.base.shift", "context.base.spread", "context.base.projection")
"""Nor did heads learn about what was inferred before: it is 0."""


def with_present_names(
    network: nn.Module, state: dict[str, Tensor], prefix: str, *_: object
) -> None:
    """Rename, in place, weights that had another name when they were saved; add and drop some.

    Args:
        network: a `Marquee`.
        state: its weights, and others.
        prefix: of its own.
    """
    for former, now in FORMER_NAMES.items():
        for name in [name for name in state if name.startswith(prefix + former)]:
            state[prefix + now + name.removeprefix(prefix + former)] = state.pop(name)
    for name in RANDOM_NAMES:
        state.pop(prefix + name, None)
    present = network.state_dict()
    for name in (name for name in BASE if name in present):
        state.setdefault(prefix + name, torch.full_like(present[name], float(name == BASE[1])))
    for name in LATER:
        fresh = present[name]
        if name == "doubt" or not fresh.numel():
            state.setdefault(prefix + name, fresh.new_zeros(fresh.shape))
