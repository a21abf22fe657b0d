"""Checks that need only the decision log: propensities, entropy, fallbacks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import duckdb
import numpy as np
from scipy import stats
from scipy.special import gammainc, gammaincc

from data.check.finding import Check, Limits, by_limits, by_p
from evaluate.monitor.windows import sets_of_bundles, worst_windows

SUMMARY = """
SELECT day, bundle, count(*) AS n,
       avg((level NOT IN ('personalised', 'pinned', 'shown')
         AND policy <> 'unpersonalised')::INT) AS fallbacks,
       sum((chosen IS NULL OR chosen = 0)::INT) AS strangers,
       sum((NOT (propensity > 0 AND propensity <= 1))::INT) AS impossible,
       sum((probabilities IS NOT NULL AND level <> 'shown'
         AND abs(probabilities[chosen] - propensity) > 1e-6)::INT)
         AS unequal,
       avg(CASE WHEN len(candidates) > 1 THEN
         list_sum(list_transform(probabilities, lambda p: CASE WHEN p > 0 THEN -p * ln(p)
           ELSE 0 END)) / ln(len(candidates)) END) AS entropy
FROM d GROUP BY ALL ORDER BY day, bundle
"""
SCORES = """
WITH rows AS (
  SELECT day, bundle, ln(probabilities[chosen]) AS seen,
         list_transform(list_filter(probabilities, lambda p: p > 0), lambda p: [p, ln(p)]) AS every
  FROM d WHERE probabilities IS NOT NULL AND level <> 'shown' AND chosen > 0
    AND probabilities[chosen] > 0),
moments AS (
  SELECT day, bundle, seen, list_sum(list_transform(every, lambda x: x[1] * x[2])) AS mean,
         list_sum(list_transform(every, lambda x: x[1] * x[2] ** 2)) AS second,
         list_sum(list_transform(every, lambda x: x[1] * x[2] ** 3)) AS third
  FROM rows)
SELECT day, bundle, sum(seen - mean), sum(second - mean ** 2),
       sum(third - 3 * mean * second + 2 * mean ** 3)
FROM moments GROUP BY ALL ORDER BY day, bundle
"""


ROUNDING = 1e-9
"""Variance of a sum of ln p below which draws were even: their probabilities say nothing."""


class Score(NamedTuple):
    """Log probabilities of what was chosen, less what they should be on average."""

    gap: float
    variance: float
    third: float
    """Third central moment."""


def check_decisions(connection: duckdb.DuckDBPyConnection, limits: Limits) -> list[Check]:
    """Propensity, entropy and fallback checks, by day and bundle.

    Args:
        connection: with the view `d`.
        limits: of the share of fallbacks.
    """
    bundles: dict[str, dict[str, Score]] = {}
    for day, bundle, *moments in connection.sql(SCORES).fetchall():
        bundles.setdefault(bundle, {})[day] = Score(*moments)
    checks = score_checks(bundles)
    for row in connection.sql(SUMMARY).fetchall():
        day, bundle, n, fallbacks, strangers, impossible, unequal, h = row
        wrong = strangers + impossible + unequal
        checks.append(
            Check(
                *("propensity_rows", day, bundle, wrong / n),
                "alert" if wrong else "ok",
                f"{strangers} actions are no candidates, {impossible} propensities are not in"
                f" (0, 1], {unequal} differ from the logged probability of the action, of {n}",
            )
        )
        checks.append(
            Check(
                *("fallbacks", day, bundle, fallbacks),
                by_limits(fallbacks, limits.fallback_warn, 5 * limits.fallback_warn),
                f"{fallbacks:.1%} of decisions fell back to an unpersonalised artwork or default",
            )
        )
        if h is not None:
            checks.append(
                Check(
                    *("entropy", day, bundle, h),
                    "warn" if h < 0.005 else "ok",
                    f"choices have {h:.1%} of the entropy of uniform ones; near 0 the log teaches"
                    " nothing new",
                )
            )
    return checks


def score_checks(
    bundles: Mapping[str, Mapping[str, Score]],
    names: tuple[str, str] = ("propensity_shares", "propensity_week"),
    about: str = "",
) -> list[Check]:
    """Were the probabilities that are logged those that choices were drawn by?

    Args:
        bundles: bundle → day → score of its choices.
        names: of the check of a day, and of the days up to it together.
        about: what was chosen, before a check's words.
    """
    checks = []
    for bundle, members in sets_of_bundles(bundles).items():
        dates = sorted({day for member in members for day in bundles[member]})
        parts = {
            day: [bundles[one][day] for one in members if day in bundles[one]] for day in dates
        }
        days = {day: Score(*np.sum(scores, 0).tolist()) for day, scores in parts.items()}
        windows = worst_windows(days, score_p)
        for day, score in days.items():
            if not score.variance > ROUNDING:
                continue  # nothing was drawn, or evenly
            p, window = score_p([score]), windows[day]
            checks.append(
                Check(
                    *(names[0], day, bundle, score.gap**2 / score.variance),
                    by_p(p),
                    f"{about}choices are likelier by the logged probabilities than if these were"
                    f" true by {score.gap:+.1f} ± {score.variance**0.5:.1f} (log scale, p ="
                    f" {p:.2g}): above 0 the policy draws less evenly than it says, below 0 more",
                    p,
                )
            )
            if window.days > 1:
                checks.append(
                    Check(
                        *(names[1], day, bundle, window.days),
                        by_p(window.p),
                        f"{about}the same over the last {window.days} days together"
                        f" (p = {window.p:.2g})",
                        window.p,
                    )
                )
    return checks


def score_p(days: Sequence[Score]) -> float:
    """p-value of some days' choices under the logged probabilities, both sides.

    The score test of p^θ against θ = 1: its variance is known exactly for each decision, whether
    there are two candidates or twenty, and it needs no bins. A policy that seldom explores makes
    sums of few rare terms, whose law is skewed: Pearson's of type III has that skewness.

    Source: Rao (1948), "Large Sample Tests of Statistical Hypotheses concerning Several
    Parameters", Proceedings of the Cambridge Philosophical Society 44(1).
    """
    gap, variance, third = np.array(days).sum(0)
    if not variance > ROUNDING:
        return 1.0
    z, skew = gap / variance**0.5, third / variance**1.5
    if abs(skew) < 1e-4:
        return float(2 * stats.norm.sf(abs(z)))
    # A gamma law, moved and scaled, and mirrored where the skewness is negative.
    scale = 2 / abs(skew)
    at = max(0.0, scale * (z * np.sign(skew) + scale))
    return float(min(1.0, 2 * min(gammainc(scale**2, at), gammaincc(scale**2, at))))
