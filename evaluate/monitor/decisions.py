"""Checks that need only the decision log: propensities, entropy, fallbacks."""

import duckdb
from scipy import stats

from data.check.finding import Check, Limits, by_limits, by_p

SUMMARY = """
SELECT day, bundle, count(*) AS n, avg((level <> 'personalised')::INT) AS fallbacks,
       sum((chosen IS NULL OR chosen = 0)::INT) AS strangers,
       sum((NOT (propensity > 0 AND propensity <= 1))::INT) AS impossible,
       sum((probabilities IS NOT NULL AND abs(probabilities[chosen] - propensity) > 1e-6)::INT)
         AS unequal,
       avg(CASE WHEN len(candidates) > 1 THEN
         list_sum(list_transform(probabilities, lambda p: CASE WHEN p > 0 THEN -p * ln(p)
           ELSE 0 END)) / ln(len(candidates)) END) AS entropy
FROM d GROUP BY ALL ORDER BY day, bundle
"""
SHARES = """
WITH flat AS (
  SELECT day, bundle, unnest(probabilities) AS p,
         generate_subscripts(probabilities, 1) = chosen AS hit
  FROM d WHERE probabilities IS NOT NULL)
SELECT day, bundle, least(floor(p * 10), 9) AS bin, sum(p) AS expected,
       sum(p * (1 - p)) AS variance, sum(hit::INT) AS observed
FROM flat GROUP BY ALL ORDER BY day, bundle, bin
"""


def check_decisions(connection: duckdb.DuckDBPyConnection, limits: Limits) -> list[Check]:
    """Propensity, entropy and fallback checks, by day and bundle.

    Args:
        connection: with the view `d`.
        limits: of the share of fallbacks.
    """
    checks = []
    shares = _chosen_shares(connection)
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
        if (day, bundle) in shares:
            checks.append(_share_check(day, bundle, *shares[day, bundle]))
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


def _chosen_shares(
    connection: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str], tuple[float, int]]:
    """Chi-square of choices against logged probabilities, and bins, by day and bundle."""
    bins: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for day, bundle, _, expected, variance, observed in connection.sql(SHARES).fetchall():
        if variance > 5:
            bins.setdefault((day, bundle), []).append((expected, variance, observed))
    return {
        key: (sum((o - e) ** 2 / v for e, v, o in rows), len(rows)) for key, rows in bins.items()
    }


def _share_check(day: str, bundle: str, statistic: float, bins: int) -> Check:
    p = float(stats.chi2.sf(statistic, bins))
    return Check(
        *("propensity_shares", day, bundle, statistic / bins),
        by_p(p),
        f"how often actions of each probability were chosen, against how often they should have"
        f" been (chi-square {statistic:.1f} over {bins} bins, p = {p:.2g})",
    )
