"""Comparing two cells of an experiment from per-member sums."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

BUSIEST = 0.01
"""Share of members whose share of impressions is looked at."""
OWNED = 0.1
"""Share of impressions from which on these members' are capped."""
LEAST_TAKES = 10.0
"""Takes due in each cell below which no normal law holds: one that has none yet looks certain."""


@dataclass(frozen=True)
class TakeDifference:
    """Treatment less control.

    Attributes:
        control: metric of the control cell.
        treatment: metric of the treatment cell, adjusted by the pre-period where there is one.
        difference: treatment less control.
        variance: of the difference.
        explained: share of variance that the pre-period took away.
        capped: members who count as if they had seen less than they did.
        freedom: members who would say as much if all saw the same, less what was fitted to them.
        due: takes of the cell that has fewer, if both cells took alike.
    """

    control: float
    treatment: float
    difference: float
    variance: float
    explained: float
    capped: int
    freedom: float
    due: float


def take_fraction_difference(
    takes: Float[np.ndarray, " members"],
    impressions: Float[np.ndarray, " members"],
    treated: Bool[np.ndarray, " members"],
    before: Float[np.ndarray, " members"] | None = None,
) -> TakeDifference:
    """Difference of takes / impressions between cells, members being the independent units.

    Each member counts by the influence it has on its cell's ratio (delta method); the pre-period
    metric then explains some of it away (CUPED). Where a few members own the impressions they are
    capped, as their own take fractions would else be the result; and pieces are corrected by their
    leverage (HC3), since a member who pulls the ratio to itself seems to differ little from it.

    Args:
        takes: of each member so far.
        impressions: of each member so far.
        treated: whether the member is in the treatment cell, else in control.
        before: the member's metric before the experiment, centred anywhere.

    Source: Deng, Xu, Kohavi and Walker (2013), "Improving the Sensitivity of Online Controlled
    Experiments by Utilizing Pre-Experiment Data", WSDM; Deng et al. (2018) for the ratio;
    MacKinnon and White (1985), Journal of Econometrics 29(3), for HC3.
    """
    capped = np.minimum(impressions, impression_cap(impressions))
    takes = takes * (capped / impressions)
    cells = (~treated, treated)
    overall = float(takes.sum() / capped.sum())
    ratios, pieces, leverages = [], [], []
    for inside in cells:
        size = capped[inside].sum()
        ratio = takes[inside].sum() / size
        ratios.append(ratio)
        pieces.append((takes[inside] - ratio * capped[inside]) / size * inside.sum())
        leverages.append(capped[inside] / size)
    plain = _variance(pieces, leverages)
    freedom = sum(1 / float((h**2).sum()) for h in leverages) - 2
    shift, variance = 0.0, plain
    if before is not None and before.std() > 0:
        centred = [before[inside] - before[inside].mean() for inside in cells]
        square = sum((c**2).sum() for c in centred)
        slope = sum((p * c).sum() for p, c in zip(pieces, centred, strict=True)) / square
        shift = slope * (before[treated].mean() - before[~treated].mean())
        adjusted = [p - slope * c for p, c in zip(pieces, centred, strict=True)]
        freedom -= 1
        variance = _variance(
            adjusted, [h + c**2 / square for h, c in zip(leverages, centred, strict=True)]
        )
    return TakeDifference(
        control=float(ratios[0]),
        treatment=float(ratios[1] - shift),
        difference=float(ratios[1] - shift - ratios[0]),
        variance=float(variance),
        explained=float(1 - variance / plain) if plain > 0 else 0.0,
        capped=int((capped < impressions).sum()),
        freedom=max(freedom, 1.0),
        due=overall * min(float(capped[inside].sum()) for inside in cells),
    )


def impression_cap(impressions: Float[np.ndarray, " members"]) -> float:
    """Most impressions that a member counts by: the 99th percentile if a few own many, else all."""
    few = max(1, int(np.ceil(BUSIEST * len(impressions))))
    busiest = np.partition(impressions, -few)[-few:]
    if busiest.sum() <= OWNED * impressions.sum():
        return float("inf")
    return float(np.quantile(impressions, 1 - BUSIEST))


def _variance(pieces: list[np.ndarray], leverages: list[np.ndarray]) -> float:
    """Variance of a difference of means from each member's corrected piece."""
    return sum(
        float(((piece / np.maximum(1 - leverage, 0.01)) ** 2).sum()) / len(piece) ** 2
        for piece, leverage in zip(pieces, leverages, strict=True)
    )
