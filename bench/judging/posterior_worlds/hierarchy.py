"""A world from the prior of hierarchical heads: what all artworks share, each one's own, titles."""

from dataclasses import dataclass

import torch
from torch import Tensor

FEATURES, COMPONENTS, TITLES, OF_TITLE = 8, 6, 60, 6
BASE = -2.0
"""Logit of the mean take, about."""
OWN, SHARED, TITLE = 0.05, 0.03, 0.5
"""Variances of levels; of a title's own 1 is what the product takes for it."""
REACH = (1.0, 0.6, 0.6, 0.3, 0.3, 0.1, 0.1, 0.1)
"""Variances of the weights of a member's numbers, as a share of a level's."""
SKEW = (0.5, 0.25, 0.12, 0.07, 0.04, 0.02)
"""Shares of a title's impressions, where they are skewed as those of a live policy."""


@dataclass(frozen=True)
class Hierarchy:
    """True weights."""

    components: Tensor
    title_of: Tensor
    own: Tensor
    within: Tensor
    """What artworks of a title differ in, by content and of their own."""
    weights: Tensor
    base: float = BASE

    @classmethod
    def drawn(cls, seed: int, own: float = OWN) -> "Hierarchy":
        """One world, whose artworks' own levels have this variance."""
        draw = torch.Generator().manual_seed(seed)
        count, reach = TITLES * OF_TITLE, torch.tensor(REACH).sqrt()
        components = torch.randn(count, COMPONENTS, generator=draw) / COMPONENTS**0.5
        title_of = torch.arange(TITLES).repeat_interleave(OF_TITLE)
        effects = own**0.5 * reach * torch.randn(count, FEATURES, generator=draw)
        shared = SHARED**0.5 * reach * torch.randn(COMPONENTS, FEATURES, generator=draw)
        title = 0.1 * reach * torch.randn(TITLES, FEATURES, generator=draw)
        title[:, 0] = TITLE**0.5 * torch.randn(TITLES, generator=draw)
        within = effects + components @ shared
        return cls(components, title_of, effects, within, within + title[title_of])

    def log(self, impressions: int, skewed: bool, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Facts, artworks shown and takes, of so many impressions an artwork on average."""
        draw = torch.Generator().manual_seed(seed + 1_000_000)
        rows = impressions * len(self.title_of)
        shares = torch.tensor(SKEW if skewed else [1 / OF_TITLE] * OF_TITLE).repeat(TITLES)
        shown = torch.multinomial(shares, rows, True, generator=draw)
        x = torch.randn(rows, FEATURES, generator=draw)
        x[:, 0] = 1
        p = torch.sigmoid((x * self.weights[shown]).sum(1) + self.base)
        return x, shown, (torch.rand(rows, generator=draw) < p).float()
