"""What is minimised: the heads' losses, and what the catalogue says of its images."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

SLACK = 0.01
"""Probability of what the catalogue does not say: artwork may show what its title has not."""


def bootstrap_loss(
    logits: Float[Tensor, "decisions heads"],
    reward: Float[Tensor, " decisions"],
    weights: Float[Tensor, "decisions heads"],
) -> Float[Tensor, ""]:
    """Cross-entropy of each head on its own bootstrap of the decisions, summed over heads."""
    target = reward[:, None].expand_as(logits)
    loss = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weights * loss).sum(1).mean()


def shown_loss(
    genre: Float[Tensor, "images genres"], mix: Float[Tensor, "images genres"]
) -> Float[Tensor, ""]:
    """An image shows some genre of its title, nobody says which: −log Σ mix · p.

    0 where the catalogue has no genres at all.

    Source: Jin and Ghahramani 2002, "Learning with Multiple Labels".
    """
    if not genre.shape[1]:
        return genre.new_zeros(())
    return -torch.logsumexp(genre.log_softmax(1) + (mix + SLACK).log(), 1).mean()


def named_loss(
    names: Float[Tensor, "images buckets"],
    tag_ids: Int[Tensor, "images cast"],
    tag_weights: Float[Tensor, "images cast"],
    cast_ids: Int[Tensor, "images cast"],
    cast_weights: Float[Tensor, "images cast"],
) -> Float[Tensor, ""]:
    """A tagged image shows the names on its tags, any other some name of its title's cast.

    Names are predicted by their buckets: the remainders of their numbers.
    """
    logs, buckets = names.log_softmax(1), names.shape[1]
    tagged = tag_weights.sum(1) > 0
    exact = -(logs.gather(1, tag_ids % buckets) * tag_weights).sum(1)
    named = logs.gather(1, cast_ids % buckets) + (cast_weights + 1e-9).log()
    partial = -torch.logsumexp(named, 1)
    known = cast_weights.sum(1) > 0
    return torch.where(tagged, exact, torch.where(known, partial, 0.0)).mean()
