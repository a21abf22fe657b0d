"""Are predicted takes what happens: by bins of a day, and in sum over a week."""

from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import numpy as np
from jaxtyping import Float
from scipy import stats

from data.calibration_error import error_of_sums
from data.check.finding import Check, by_p
from evaluate.monitor.windows import sets_of_bundles, worst_windows

CalibrationCurves = dict[str, list[tuple[float, float, float]]]
"""Bundle → points (predicted take, actual take, decisions)."""
MATTERS = 0.03
"""Predictions that are off by less than this share do no harm."""
SUMS_WARN_P = 1e-3
"""At which the week's sum warns. It is one number a day among twenty, and a wrong level is small at
first: with 1e-4, as elsewhere, predictions 10% too high would be found in eight weeks of ten with
2,000 decisions a day, and now in nine (docs/statistics.md)."""
PROFILES = """
SELECT day, bundle, least(floor(predicted_take * 10 / greatest(top, 1e-9)), 9) AS bin, profile_id,
       count(*)::DOUBLE AS n, sum(predicted_take)::DOUBLE AS predicted,
       sum(reward)::DOUBLE AS reward,
       sum(predicted_take * (1 - predicted_take))::DOUBLE AS variance
FROM e, (SELECT max(predicted_take) AS top FROM e) WHERE predicted_take IS NOT NULL
GROUP BY ALL
"""
BINS = f"""
SELECT day, bundle, bin, sum(n), sum(predicted), sum(reward),
       greatest(sum(variance), sum((reward - predicted) ** 2))
FROM ({PROFILES}) GROUP BY ALL ORDER BY day, bundle, bin
"""
"""A bin's variance is that of independent takes, or of profiles where their takes go together."""
SUMS = f"""
SELECT day, bundle, profile_id, sum(predicted) AS predicted, sum(reward) AS reward,
       sum(variance) AS variance
FROM ({PROFILES}) GROUP BY ALL ORDER BY ALL
"""


class DaySums(NamedTuple):
    """One day of a bundle, by profile."""

    profile: Float[np.ndarray, " rows"]  # index
    predicted: Float[np.ndarray, " rows"]
    reward: Float[np.ndarray, " rows"]
    variance: Float[np.ndarray, " rows"]  # of the reward, if takes were independent


def check_calibration(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[list[Check], CalibrationCurves]:
    """Calibration by day and bundle, and each bundle's curve.

    Args:
        connection: with the view `e` of examples.
    """
    groups: dict[tuple[str, str], list[tuple]] = {}
    for day, bundle, *numbers in connection.sql(BINS).fetchall():
        groups.setdefault((day, bundle), []).append(tuple(numbers))
    checks, curves = [], {}
    for (day, bundle), rows in groups.items():
        bins, n, predicted, actual, variance = np.array(rows, dtype=float).T
        gap = error_of_sums(predicted, actual, n)
        full = variance > 5
        statistic = float(((actual - predicted)[full] ** 2 / variance[full]).sum())
        p = float(stats.chi2.sf(statistic, full.sum())) if full.any() else 1.0
        checks.append(
            Check(
                *("calibration_error", day, bundle, gap.error),
                by_p(p, gap.error > 0.01),
                f"predicted take {predicted.sum() / n.sum():.4f}, actual"
                f" {actual.sum() / n.sum():.4f}, calibration error {gap.error:.4f}"
                f" [{gap.low:.4f}, {gap.high:.4f}] (p = {p:.2g})",
                p,
            )
        )
        curve = curves.setdefault(bundle, np.zeros((10, 3)))
        np.add.at(curve, bins.astype(int), np.stack([predicted, actual, n], -1))
    return checks + _check_sums(connection), {
        bundle: [(p / n, a / n, n) for p, a, n in curve if n] for bundle, curve in curves.items()
    }


def _check_sums(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Takes against the sum of predictions, over the week up to each day."""
    rows = connection.sql(SUMS).to_arrow_table()
    day, bundle, profile = (
        np.array(rows[name].to_pylist(), dtype=str) for name in ("day", "bundle", "profile_id")
    )
    index = np.unique(profile, return_inverse=True)[1]
    predicted, reward, variance = (
        rows[name].to_numpy() for name in ("predicted", "reward", "variance")
    )
    checks = []
    for name, members in sets_of_bundles(bundle.tolist()).items():
        days, inside = {}, np.isin(bundle, members)
        for date in np.unique(day[inside]):
            at = inside & (day == date)
            days[str(date)] = DaySums(index[at], predicted[at], reward[at], variance[at])
        for date, window in worst_windows(days, sums_p).items():
            some = [days[d] for d in sorted(days) if d <= date][-window.days :]
            hoped, taken = (sum(float(d[at].sum()) for d in some) for at in (1, 2))
            ratio = taken / hoped if hoped else 1.0
            checks.append(
                Check(
                    *("takes_of_predicted", date, name, ratio),
                    by_p(window.p, abs(ratio - 1) > MATTERS, SUMS_WARN_P),
                    f"{taken:,.0f} takes where {hoped:,.0f} were predicted, over the last"
                    f" {window.days} days with decisions (p = {window.p:.2g})",
                    window.p,
                )
            )
    return checks


def sums_p(days: Sequence[DaySums]) -> float:
    """p-value of takes against the sum of predictions, profiles being the independent units.

    Student's t law on as many degrees of freedom as profiles that would weigh the same.
    """
    profile, predicted, reward, variance = (
        np.concatenate([day[at] for day in days]) for at in range(4)
    )
    profile = np.unique(profile, return_inverse=True)[1]
    gaps = np.bincount(profile, reward - predicted)
    weight = np.bincount(profile, variance)
    spread = max(float(weight.sum()), float((gaps**2).sum()))
    if not spread > 0:
        return 1.0
    freedom = max(1.0, float(weight.sum() ** 2 / (weight**2).sum()) - 1)
    return float(2 * stats.t.sf(abs(gaps.sum()) / np.sqrt(spread), freedom))
