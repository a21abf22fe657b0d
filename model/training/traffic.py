"""How a log's impressions come: how much each title is shown, and how fast its artwork is renewed.

Exploring pays by what is still to be earned. A log says how much that is about: an artwork that
joins today is shown for as long as those before it were, on a page that has so many impressions.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

LEAST_SHOWN = 4
"""Impressions of an artwork that count it as new in the second half of a log: with fewer it may
have been there, and not shown."""

LEAST_SCALE, MOST_SCALE = 0.1, 0.5
"""Of the posterior deviation, by which heads explore."""
REPAID = 500.0
"""Impressions still to come of a title up to which the least exploring is enough."""


@dataclass(frozen=True)
class Traffic:
    """Impressions of a catalogue's artworks."""

    title_ids: Int[np.ndarray, " artworks"]
    impressions: Int[np.ndarray, " artworks"]
    first: Float[np.ndarray, " artworks"]
    """When each was first shown, as a share of the log's time."""
    days: float
    """From the first impression to the last; 1 at the least."""

    @property
    def renewal(self) -> float:
        """Share of the artworks that a day replaces."""
        shown = self.impressions >= LEAST_SHOWN
        late = int((shown & (self.first > 0.5)).sum())
        early = int(shown.sum()) - late
        return late / max(early, 1) / (self.days / 2)

    @property
    def expected(self) -> float:
        """Impressions that a title is still to have before its artwork is replaced.

        Geometric mean over impressions. Without an artwork replaced, a title is to have as many as
        it had: that a log began so long ago is all that is known of when things will change.
        """
        title = np.unique(self.title_ids, return_inverse=True)[1]
        of_title = np.bincount(title, self.impressions)
        of_title = of_title[of_title > 0]
        typical = np.exp((of_title * np.log(of_title)).sum() / of_title.sum())
        return float(typical / (1 + self.renewal * self.days))


def posterior_scale(traffic: Traffic) -> float:
    """Factor on the posterior deviation by which heads explore.

    Source: the form is that of a horizon: what one impression of exploring costs is repaid by all
    that come after it (Russo and Van Roy 2022, "Satisficing in Time-Sensitive Bandit Learning").
    """
    scale = LEAST_SCALE * (traffic.expected / REPAID) ** 0.5
    return float(np.clip(scale, LEAST_SCALE, MOST_SCALE))
