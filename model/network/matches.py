"""Matches as numbers: what the regression reads of a member and an artwork beside the facts."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.network.names import NameWeights, match_unit, row_matches
from model.network.towers import Marquee

ROWS = 8192
"""Impressions whose names are compared at a time, each with each."""
LEAST_UNIT = 1e-4
"""Deviation of a match of columns below which there is none."""


class ArtworkMatches(NamedTuple):
    """The artworks' sides of all matches."""

    title: NameWeights
    """Whom titles name: all artworks of a title alike."""
    tags: NameWeights
    """Whom tags name beyond it."""
    columns: Float[Tensor, "artworks matched"]
    """Numbers that meet those of members."""

    @classmethod
    def of(cls, network: Marquee, candidates: Sequence[Tensor]) -> "ArtworkMatches":
        """Of columns of artworks' features, see `CandidateFeatures`."""
        tower = network.candidate
        tags = tower.names(*candidates[1:])
        return cls(NameWeights(*candidates[-2:]), tags, candidates[0][:, tower.columns])

    @classmethod
    def none(cls) -> "ArtworkMatches":
        """Of no artworks."""
        nobody = NameWeights(torch.zeros(0, 0, dtype=torch.long), torch.zeros(0, 0))
        return cls(nobody, nobody, nobody.weights)

    def placed(self, at: Int[Tensor, " some"], count: int) -> "ArtworkMatches":
        """The same as some of so many artworks; the others have nothing to match."""

        def wide(of: Tensor) -> Tensor:
            return of.new_zeros(count, of.shape[1]).index_copy(0, at, of)

        title, tags = (NameWeights(*map(wide, of)) for of in self[:2])
        return ArtworkMatches(title, tags, wide(self.columns))

    def units(self, network: Marquee, facts: Sequence[Tensor]) -> list[float]:
        """What counts as 1 of the names' matches, and of each match of columns.

        Args:
            network: of the regression.
            facts: columns of members' features, see `ContextFeatures`.
        """
        units = [match_unit(NameWeights(*facts[1:]), self.tags, self.title)]
        second = network.context.matched(facts[0])
        for at in _columns(network):
            member, artwork = second[:, at], self.columns[:, at]
            # The variance of a product's sum over pairs, from the second moments of both sides.
            both = (member.T @ member / len(member)) * (artwork.T @ artwork / len(artwork))
            mean = float((member.mean(0) * artwork.mean(0)).sum())
            spread = max(0.0, float(both.sum()) - mean**2) ** 0.5
            units.append(spread if spread > LEAST_UNIT else 1.0)
        return units

    def numbers(
        self,
        network: Marquee,
        facts: Sequence[Tensor],
        shown: Int[Tensor, " impressions"],
        units: Sequence[float],
    ) -> Float[Tensor, "impressions matches"]:
        """Of the titles' names, of tags beyond them, and of each match of columns.

        Args:
            network: of the regression.
            facts: columns of the features of whoever it was shown to.
            shown: rows of these artworks.
            units: see `units`.
        """
        watched = NameWeights(facts[1], facts[2] / units[0])
        parts = [slice(at, at + ROWS) for at in range(0, len(shown), ROWS)] or [slice(0)]
        found = [
            torch.cat([row_matches(watched.at(part), of.at(shown[part])) for part in parts])
            for of in self[:2]
        ]
        matched = network.context.matched(facts[0]) * self.columns[shown]
        for at, unit in zip(_columns(network), units[1:], strict=True):
            found.append(matched[:, at].sum(1) / unit)
        return torch.stack(found, 1)


def matches_of(features: int, network: Marquee) -> int:
    """How many features the regression has, with matches behind those of the facts."""
    return features + 2 + len(network.architecture.matches)


@torch.no_grad()
def write_worths(
    network: Marquee, within_title: Float[Tensor, "artworks features"], units: Sequence[float]
) -> None:
    """Put what the regression says a match is worth in the towers, the mean over artworks.

    Args:
        network: whose heads have a closed form.
        within_title: weights of every artwork, the part in which a title's artworks differ.
        units: see `ArtworkMatches.units`.
    """
    worths = within_title[:, -len(units) :].mean(0) / torch.tensor(units)
    nn.init.constant_(network.context.match.bias, float(worths[0]) - 1)
    network.candidate.worth.copy_(worths[1:])


def _columns(network: Marquee) -> list[list[int]]:
    """Places of each match's columns, among those of all."""
    of = network.candidate.match_of
    return [[at for at, match in enumerate(of) if match == each] for each in sorted(set(of))]
