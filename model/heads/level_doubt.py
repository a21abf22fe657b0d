"""What draws of a posterior leave open of artworks' levels, as heads and records tell it."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class LevelDoubt(NamedTuple):
    """How far levels of artworks lie from their means in draws of the posterior.

    In logits over the root of the number of draws: a row's length is a deviation.
    """

    levels: Float[Tensor, "artworks draws"]
    readings: Float[Tensor, " artworks"]
    """Deviation of the logit in one context, which facts move too, as a multiple of the level's."""
    shared: Float[Tensor, "components draws"]
    """The level of artwork never shown, by its components."""
    prior: float
    """Deviation of what its own level adds."""
    prior_reading: float
    """The multiple for its own effects."""

    @classmethod
    def of(
        cls,
        drawn: Float[Tensor, "artworks features every_draw"],
        shared: Float[Tensor, "components every_draw"],
        variance: Float[Tensor, " features"],
        second: Float[Tensor, "first first"],
        draws: int,
    ) -> "LevelDoubt":
        """Of draws of weights, less their means.

        Args:
            drawn: of each artwork's weights; the first is its level, as the others' features have
                mean 0.
            shared: of what components say of the level.
            variance: that an artwork's own weights have before any reward.
            second: moment of the first features, over contexts.
            draws: so many are told, from all of which deviations in one context are.
        """
        few, scale = len(second), max(draws, 1) ** -0.5
        levels = drawn[:, 0, :draws] * scale
        first = drawn[:, :few]
        in_context = torch.einsum("afk,fg,agk->a", first, second, first) / drawn.shape[2]
        own, whole = variance[0], (variance[:few] * second.diagonal()).sum()
        return cls(
            levels,
            (in_context / levels.square().sum(1).clamp(min=1e-12)).sqrt(),
            shared[:, :draws] * scale,
            float(own.sqrt()),
            float((whole / own).sqrt()),
        )
