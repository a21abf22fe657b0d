"""What members differ in about an artwork: how far it is predicted, and how far rewards follow.

An artwork's *contrast* is what is predicted of it to each member, less its own level's part of what
is predicted of the title's known artwork to that member. Its mean over members is nothing.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

FEWEST = 3
"""Artworks of a title that tell how far contrasts reach there: two mirror each other."""


class SlopeSums(NamedTuple):
    """Sums of a least squares slope through 0."""

    product: float
    square: float
    variance: float
    """Of the product."""


class PersonalSums(NamedTuple):
    """What a title says of how far its members' differences come true."""

    new: SlopeSums
    """Of contrasts by looks, of all its artwork."""
    known: SlopeSums
    """Of contrasts by looks and records, of known artwork."""


class ShownRewards(NamedTuple):
    """What came of a title's decisions."""

    action: Int[np.ndarray, " decisions"]
    """Places of artworks."""
    reward: Float[np.ndarray, " decisions"]
    weight: Float[np.ndarray, " decisions"]
    """1 / (propensity · candidates)."""

    def part(self, which: Bool[np.ndarray, " decisions"]) -> "ShownRewards":
        """Of some decisions."""
        return ShownRewards(*(column[which] for column in self))


def contrasts(
    predicted: Float[np.ndarray, "members artworks"], everyone: Float[np.ndarray, " members"]
) -> Float[np.ndarray, "members artworks"]:
    """Predicted takes less their own level's part of `everyone`, known artwork's."""
    return predicted - everyone[:, None] * (predicted.mean(0) / everyone.mean())


def reach(
    differs: Float[np.ndarray, "members artworks"], everyone: Float[np.ndarray, " members"]
) -> Float[np.ndarray, " artworks"]:
    """How far contrasts reach: their root mean square over that of `everyone`."""
    return np.sqrt((differs**2).sum(0) / (everyone**2).sum())


def usual_reach(reaches: Float[np.ndarray, " artworks"]) -> float:
    """That of artworks together, none of which is part of `everyone`; no bound: there are none."""
    return float(np.sqrt((reaches**2).mean())) if len(reaches) else np.inf


def usual_new_reach(reaches: Float[np.ndarray, " known"]) -> float:
    """How far new artwork usually reaches, where known artwork whose mean `everyone` is does so.

    One of K, less the mean of all K, has a variance of 1 − 1/K; another less that mean, 1 + 1/K.
    """
    known = len(reaches)
    return usual_reach(reaches) * ((known + 1) / (known - 1)) ** 0.5


def held(
    differs: Float[np.ndarray, "members artworks"],
    everyone: Float[np.ndarray, " members"],
    usual: float | Float[np.ndarray, " artworks"],
) -> Float[np.ndarray, "members artworks"]:
    """Contrasts, none of which reaches further than is usual.

    Where one is predicted to reach further that is mostly error: the further, the less of it comes
    true (docs/statistics.md has the numbers).
    """
    return differs * np.minimum(1, usual / np.maximum(reach(differs, everyone), 1e-12))


def contrast_sums(
    differs: Float[np.ndarray, "decisions artworks"],
    everyone: Float[np.ndarray, " decisions"],
    offered: Bool[np.ndarray, "decisions artworks"],
    outcomes: ShownRewards,
) -> SlopeSums:
    """Sums of rewards against the contrast of what was shown, over what else might have been.

    A decision's contrast is taken less the mean of those that were offered with it. Which was shown
    is chance, so that what is wrong with `everyone`, the same for all of them, falls out: were it
    not so, its error would be on both sides and look like a slope of 1. An artwork's own level is
    taken out.

    Args:
        differs: contrasts.
        everyone: expected take of each decision with the title's known artwork.
        offered: the artworks that might have been shown, of those that are compared.
        outcomes: of the same decisions; those that showed another artwork do not count.

    Source: Robinson (1988), "Root-N-consistent semiparametric regression", Econometrica 56; with
    known propensities, Nie and Wager (2021), "Quasi-oracle estimation of heterogeneous treatment
    effects", Biometrika 108.
    """
    rows = np.arange(len(everyone))
    counts = offered[rows, outcomes.action]
    centre = (differs * offered).sum(1) / np.maximum(offered.sum(1), 1)
    relative = (differs[rows, outcomes.action] - centre)[counts]
    action, reward, weight = outcomes.part(counts)
    mean = everyone[counts]
    errors = reward - mean
    for artwork in np.unique(action):
        here = action == artwork
        own, level = weight[here], mean[here]
        errors[here] -= level * ((own * errors[here]).sum() / (own * level).sum())
        relative[here] -= level * ((own * level * relative[here]).sum() / (own * level**2).sum())
    return SlopeSums(
        float((weight * relative * errors).sum()),
        float((weight * relative**2).sum()),
        float(((weight * relative * errors) ** 2).sum()),
    )
