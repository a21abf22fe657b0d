"""How a log's impressions come: how much each title is shown, and how fast its artwork is renewed.

Exploring pays by what is still to be earned. A log says how much that is about: an artwork that
joins today is shown for as long as those before it were, on a page that has so many impressions.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from model.heads.level_doubt import LevelDoubt

LEAST_SHOWN = 4
"""Impressions of an artwork that count it as new in the second half of a log: with fewer it may
have been there, and not shown."""

WEEK = 7
LEAST_SCALE, MOST_SCALE = 0.1, 0.4
"""Of the posterior deviation, by which heads explore."""
REPAID = 3.0
"""Times over that a title's coming impressions could halve the doubt before exploring more pays."""


@dataclass(frozen=True)
class Traffic:
    """Impressions of a catalogue's artworks."""

    title_ids: Int[np.ndarray, " artworks"]
    impressions: Int[np.ndarray, " artworks"]
    first: Float[np.ndarray, " artworks"]
    """When each was first shown, as a share of the log's time."""
    last: Float[np.ndarray, " artworks"]
    """When it was last shown."""
    days: float
    """From the first impression to the last; 1 at the least."""

    @property
    def renewal(self) -> float:
        """Share of the artworks that a day replaces, by the log's second half."""
        shown = self.impressions >= LEAST_SHOWN
        new = int((shown & (self.first > 0.5)).sum())
        there = (self.last - np.maximum(self.first, 0.5)).clip(0)[shown].sum() * self.days
        return new / max(there, 1.0)

    @property
    def expected(self) -> float:
        """Impressions that a title is still to have before its artwork is replaced.

        Geometric mean over impressions. Artwork that nothing replaces is to stay as long as the
        log is, and a week: no more is known of when things will change.
        """
        title = np.unique(self.title_ids, return_inverse=True)[1]
        of_title = np.bincount(title, self.impressions)
        of_title = of_title[of_title > 0]
        typical = np.exp((of_title * np.log(of_title)).sum() / of_title.sum())
        left = 1 / (self.renewal + 1 / (self.days + WEEK))
        return float(typical / self.days * left)


def posterior_scale(traffic: Traffic, doubt: LevelDoubt, information: float) -> float:
    """Factor on the posterior deviation by which heads explore.

    It grows with the root of the impressions that a title is still to have, counted in those that
    it takes to halve the variance of an artwork's level. Where members differ, one level says less
    of what each is to be shown, and exploring is dearer: the count grows with the square.

    Args:
        traffic: of the log.
        doubt: of its artworks.
        information: of an impression on a logit, about p · (1 − p).

    Source: what exploring costs is repaid by the impressions after it, so a horizon sets how much
    of Thompson sampling's is worth it (Russo and Van Roy 2022, "Satisficing in Time-Sensitive
    Bandit Learning"); the root and its constant are measured (docs/statistics.md).
    """
    variance = float(doubt.levels.square().sum(1).mean())
    to_halve = doubt.prior_reading**2 / max(information * variance, 1e-12)
    scale = LEAST_SCALE * (traffic.expected / (REPAID * to_halve)) ** 0.5
    return float(np.clip(scale, LEAST_SCALE, MOST_SCALE))
