"""A number said of many things whose truth is known: coverage, calibration and correlation."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.judging.row import Row, Side, share_row

LEAST, MOST = 0.8, 1.25
"""Mean said over mean true, which may itself be near 0: so it is their difference that is held."""
TOP = 0.9
"""Quantile of what was said from which on somebody would pick."""
RESAMPLES = 1000
FEWEST = 10


class Claim(NamedTuple):
    """What was said, and what is true."""

    words: str
    said: Float[np.ndarray, " things"]
    true: Float[np.ndarray, " things"]
    low: Float[np.ndarray, " things"] | None
    """Of its 95% interval; None: it has none."""
    high: Float[np.ndarray, " things"] | None

    def part(self, which: Bool[np.ndarray, " things"]) -> "Claim":
        """Of some things."""
        low, high = (end if end is None else end[which] for end in (self.low, self.high))
        return Claim(self.words, self.said[which], self.true[which], low, high)


def claim_rows(
    section: str, claim: Claim, group: Int[np.ndarray, " things"], setting: str
) -> list[Row]:
    """Rows of a claim: intervals of means are over groups, of which things are not independent.

    Things of which nothing was said, NaN, do not count; where they are all but a few, no row does.
    """
    told = np.isfinite(claim.said)
    if told.sum() < FEWEST:
        return []
    claim = claim.part(told)
    group, rows, everything = group[told], [], np.ones(told.sum(), bool)
    if claim.low is not None and claim.high is not None:
        inside = (claim.low - 1e-12 <= claim.true) & (claim.true <= claim.high + 1e-12)
        what = f"{claim.words}: 95% interval holds the truth"
        rows.append(share_row(section, what, setting, inside.tolist(), 0.93))
    top = claim.said >= np.quantile(claim.said, TOP)
    for which, where in (("all", everything), ("top tenth by what was said", top)):
        means = f"{claim.said[where].mean():.4g} said, {claim.true[where].mean():.4g} true"
        place, count = f"{setting}, {which}: {means}", int(where.sum())
        sides: tuple[tuple[float, Side], ...] = ((LEAST, "at least"), (MOST, "at most"))
        for factor, side in sides:
            over = claim.said[where] - factor * claim.true[where]
            what = f"{claim.words}: mean said less {factor:g} of mean true"
            rows.append(Row(section, what, place, count, *_mean(over, group[where]), 0.0, side))
    value = float(np.corrcoef(claim.said, claim.true)[0, 1])
    what = f"{claim.words}: correlation of said and true"
    return [*rows, Row(section, what, setting, len(group), value, None, None, "shown")]


def _mean(
    values: Float[np.ndarray, " things"], group: Int[np.ndarray, " things"]
) -> tuple[float, tuple[float, float]]:
    """A mean, and its 95% interval by drawing groups again."""
    there, place = np.unique(group, return_inverse=True)
    rng, count = np.random.default_rng(0), len(there)
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)[:, place]
    means = (drawn @ values) / np.maximum(drawn.sum(1), 1)
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return float(values.mean()), (low, high)
