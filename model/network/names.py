"""Names meet by equality, in torch: whom a member watches most, and whom an artwork names."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

LEAST_MATCH = 1e-4
"""Below it there is none."""
MATCHED = 1024
"""Members, and artworks, whose matches tell how large a match is."""


class ColumnMatch(NamedTuple):
    """A match of columns: the sum of products of a member's numbers and an artwork's."""

    member: tuple[int, ...]
    """Columns of the features of the facts; each is standardised."""
    artwork: tuple[int, ...]
    """Columns of the features of title and tags, one for each of these; as they are."""


class NameWeights(NamedTuple):
    """Names of some rows, by number, and how much each counts there; 0 pads."""

    ids: Int[Tensor, "rows names"]
    weights: Float[Tensor, "rows names"]

    def at(self, rows: Tensor | slice) -> "NameWeights":
        """Those of some rows."""
        return NameWeights(self.ids[rows], self.weights[rows])

    def over(self, distinct: Int[Tensor, " distinct"]) -> Float[Tensor, "rows distinct"]:
        """A column for each of these names, which are in order; others are left out."""
        table = self.weights.new_zeros(len(self.ids), len(distinct) + 1)
        at = torch.searchsorted(distinct, self.ids.contiguous())
        known = torch.cat([distinct, distinct.new_zeros(1)])[at] == self.ids
        at = torch.where(known & (self.ids != 0), at, len(distinct))
        return table.scatter_add_(1, at, self.weights)[:, :-1]


def row_matches(watched: NameWeights, shown: NameWeights) -> Float[Tensor, " rows"]:
    """How far each row's member watches whom its artwork names, weight times weight."""
    same = (watched.ids[:, :, None] == shown.ids[:, None]) & (watched.ids[:, :, None] != 0)
    pairs = watched.weights[:, :, None] * shown.weights[:, None]
    return torch.where(same, pairs, 0.0).sum((1, 2))


def every_match(watched: NameWeights, shown: NameWeights) -> Float[Tensor, "members artworks"]:
    """The same for every member and every artwork."""
    distinct = torch.unique(shown.ids[shown.ids != 0])
    return watched.over(distinct) @ shown.over(distinct).T


def match_unit(watched: NameWeights, tag_names: NameWeights, title_names: NameWeights) -> float:
    """Root mean square of the matches of tags; without any of those of titles, without names 1.

    Over the pairs that have names in common: most have none where names are many, and by the
    deviation over all the few matches that there are would be many deviations away, and outweigh
    all else.

    Args:
        watched: by members.
        tag_names: of artworks.
        title_names: of their titles.
    """
    for names in (tag_names, title_names):
        matches = every_match(_some(watched), _some(names))
        there = matches[matches.abs() > LEAST_MATCH]
        if len(there):
            return float(there.square().mean().sqrt())
    return 1.0


def _some(names: NameWeights) -> NameWeights:
    """A bounded number of rows, from all over."""
    return names.at(slice(None, None, max(1, -(-len(names.ids) // MATCHED))))
