"""Comparing two cells of an experiment from per-member sums."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class TakeDifference:
    """Treatment less control.

    Attributes:
        control: metric of the control cell.
        treatment: metric of the treatment cell, adjusted by the pre-period where there is one.
        difference: treatment less control.
        variance: of the difference.
        explained: share of variance that the pre-period took away.
    """

    control: float
    treatment: float
    difference: float
    variance: float
    explained: float


def take_fraction_difference(
    takes: Float[np.ndarray, " members"],
    impressions: Float[np.ndarray, " members"],
    treated: Bool[np.ndarray, " members"],
    before: Float[np.ndarray, " members"] | None = None,
) -> TakeDifference:
    """Difference of takes / impressions between cells, members being the independent units.

    Each member counts by the influence it has on its cell's ratio (delta method); the pre-period
    metric then explains some of it away (CUPED).

    Args:
        takes: of each member so far.
        impressions: of each member so far.
        treated: whether the member is in the treatment cell, else in control.
        before: the member's metric before the experiment, centred anywhere.

    Source: Deng, Xu, Kohavi and Walker (2013), "Improving the Sensitivity of Online Controlled
    Experiments by Utilizing Pre-Experiment Data", WSDM; Deng et al. (2018) for the ratio.
    """
    ratios, pieces = [], []
    for inside in (~treated, treated):
        ratio = takes[inside].sum() / impressions[inside].sum()
        size = impressions[inside].mean()
        ratios.append(ratio)
        pieces.append((takes[inside] - ratio * impressions[inside]) / size)
    plain = sum(p.var(ddof=1) / len(p) for p in pieces)
    shift, variance = 0.0, plain
    if before is not None and before.std() > 0:
        sides = [before[~treated], before[treated]]
        centred = [s - s.mean() for s in sides]
        slope = sum((p * c).sum() for p, c in zip(pieces, centred, strict=True)) / max(
            sum((c**2).sum() for c in centred), 1e-300
        )
        shift = slope * (sides[1].mean() - sides[0].mean())
        adjusted = [p - slope * c for p, c in zip(pieces, centred, strict=True)]
        variance = sum(p.var(ddof=1) / len(p) for p in adjusted)
    return TakeDifference(
        control=float(ratios[0]),
        treatment=float(ratios[1] - shift),
        difference=float(ratios[1] - shift - ratios[0]),
        variance=float(variance),
        explained=float(1 - variance / plain) if plain > 0 else 0.0,
    )
