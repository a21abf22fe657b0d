"""Members' counts meet what pictures show: one number a set, learnt with one coefficient.

Beside a weight for each fact and direction of what is shown, that is what tells most: a member who
watches much of a genre takes pictures that show more of it than their title has. The number is a
product of facts and content, so once its coefficient is known it is written into their weights.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from data.shown.matches import ShownMatch
from model.heads.logistic_weights import LogisticWeights

LEAST_UNIT = 1e-4
"""Root mean square of a match below which there is none."""


class ShownMatches(NamedTuple):
    """The sets that meet, what is read of artworks, and what counts as 1 of each match."""

    matches: Sequence[ShownMatch]
    shown: Float[Tensor, "artworks columns"]
    units: Sequence[float]

    @classmethod
    def of(
        cls,
        matches: Sequence[ShownMatch],
        shown: Float[Tensor, "artworks columns"],
        x: Float[Tensor, "contexts one_and_facts"],
    ) -> "ShownMatches":
        """Scaled by the root mean square over these contexts and artworks."""
        units = []
        for match in matches:
            watched, own = x[:, _members(match)], shown[:, list(match.shown)]
            second = watched.T @ watched / max(1, len(watched))
            square = ((own @ second) * own).sum(1).mean()
            units.append(max(float(square.sqrt()), LEAST_UNIT))
        return cls(matches, shown, units)

    def columns(
        self, x: Float[Tensor, "rows one_and_facts"], artwork: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows matches"]:
        """The matches of some members, each with an artwork."""
        columns = [
            (x[:, _members(match)] * self.shown[artwork][:, list(match.shown)]).sum(1) / unit
            for match, unit in zip(self.matches, self.units, strict=True)
        ]
        return torch.stack(columns, 1) if columns else x.new_zeros(len(x), 0)

    def written(
        self,
        mean: LogisticWeights,
        worth: Float[Tensor, " matches"],
        components: Float[Tensor, "content components"],
        first: int,
    ) -> LogisticWeights:
        """A regression's mean, with the matches as weights of facts and of components of content.

        Exact where the components hold all that is shown of the sets.

        Args:
            mean: of the weights; the last shared column is of what all artworks have in common.
            worth: coefficient of each match.
            components: from content.
            first: column of content from which on it is what is read of pictures.
        """
        shared = mean.shared.clone()
        for match, unit, coefficient in zip(self.matches, self.units, worth, strict=True):
            columns = torch.zeros(len(components), len(match.shown), dtype=components.dtype)
            columns[[first + at for at in match.shown], range(len(match.shown))] = 1.0
            back = torch.linalg.pinv(components) @ columns
            shared[_members(match), :-1] += (coefficient / unit * back.T).to(shared.dtype)
        return mean._replace(shared=shared)


def _members(match: ShownMatch) -> list[int]:
    """Columns of x: the first is 1."""
    return [1 + at for at in match.member]
