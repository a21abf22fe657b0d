"""Checks that need rewards: calibration, promised against online value, exploration's verdict."""

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
from scipy import stats

from data.calibration_error import error_of_sums
from data.check.finding import Check, by_p

CalibrationCurves = dict[str, list[tuple[float, float, float]]]
"""Bundle → points (predicted take, actual take, decisions)."""
UNIFORM = ("uniform", "random")
"""Policies whose rows are the reserved uniform fraction."""
SUMS = """
SELECT day, bundle, profile_id, policy, count(*)::DOUBLE AS n, sum(reward)::DOUBLE AS reward,
       sum(reward / (propensity * len(candidates)))::DOUBLE AS weighted,
       sum(1 / (propensity * len(candidates)))::DOUBLE AS weight
FROM e WHERE len(candidates) = 1 OR propensity < 1 GROUP BY ALL ORDER BY ALL
"""
CALIBRATION = """
SELECT day, bundle, least(floor(predicted_take * 10 / greatest(top, 1e-9)), 9) AS bin,
       count(*)::DOUBLE AS n, sum(predicted_take)::DOUBLE AS predicted,
       sum(reward)::DOUBLE AS reward,
       sum(predicted_take * (1 - predicted_take))::DOUBLE AS variance
FROM e, (SELECT max(predicted_take) AS top FROM e) WHERE predicted_take IS NOT NULL
GROUP BY ALL ORDER BY day, bundle, bin
"""


def check_calibration(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[list[Check], CalibrationCurves]:
    """Calibration by day and bundle, and each bundle's curve."""
    groups: dict[tuple[str, str], list[tuple]] = {}
    for day, bundle, *numbers in connection.sql(CALIBRATION).fetchall():
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
            )
        )
        curve = curves.setdefault(bundle, np.zeros((10, 3)))
        np.add.at(curve, bins.astype(int), np.stack([predicted, actual, n], -1))
    return checks, {
        bundle: [(p / n, a / n, n) for p, a, n in curve if n] for bundle, curve in curves.items()
    }


def check_value(
    connection: duckdb.DuckDBPyConnection, expected: Mapping[str, Sequence[float]]
) -> list[Check]:
    """Online take of each bundle against its promise and against the uniform fraction.

    Args:
        connection: with the view `e` of examples.
        expected: bundle → interval of the off-policy estimate made before publishing.
    """
    rows = connection.sql(SUMS).to_arrow_table()
    bundle, policy = (np.array(rows[c].to_pylist(), dtype=object) for c in ("bundle", "policy"))
    profile = np.unique(np.array(rows["profile_id"].to_pylist()), return_inverse=True)[1]
    n, reward, weighted, weight = (
        rows[c].to_numpy() for c in ("n", "reward", "weighted", "weight")
    )
    reserved = np.isin(policy.astype(str), UNIFORM)
    checks = []
    for name in sorted({str(b) for b in bundle[~reserved]}):
        live = (bundle == name) & ~reserved
        take, error = _ratio(reward[live], n[live], profile[live])
        if name in expected:
            low, high = expected[name]
            gap = max(low - take, take - high, 0.0)
            p = float(2 * stats.norm.sf(gap / error)) if error > 0 else 1.0
            checks.append(
                Check(
                    *("promised_value", "all", name, take),
                    by_p(p, gap > 0),
                    f"online take {take:.4f}, promised {low:.4f} … {high:.4f} before publishing"
                    f" (p = {p:.2g})",
                )
            )
        uniform, uncertainty = _ratio(weighted[live], weight[live], profile[live])
        if uncertainty > 0:
            # Both come from the same rows, so the difference is judged profile by profile.
            p = float(stats.norm.cdf((take - uniform) / np.hypot(error, uncertainty)))
            checks.append(
                Check(
                    *("lift_over_uniform", "all", name, take - uniform),
                    by_p(p),
                    f"take {take:.4f}; a uniform choice would have had {uniform:.4f} by"
                    f" self-normalised weights (p = {p:.2g} that it is no worse)",
                )
            )
        if reserved.any() and uncertainty > 0:
            seen, seen_error = _ratio(reward[reserved], n[reserved], profile[reserved])
            p = float(2 * stats.norm.sf(abs(seen - uniform) / np.hypot(seen_error, uncertainty)))
            checks.append(
                Check(
                    *("uniform_fraction", "all", name, uniform - seen),
                    by_p(p),
                    f"uniform choice: {uniform:.4f} off-policy, {seen:.4f} where choices were"
                    f" really uniform (p = {p:.2g}); else the weights are wrong",
                )
            )
    return checks


def _ratio(top: np.ndarray, bottom: np.ndarray, profile: np.ndarray) -> tuple[float, float]:
    """Ratio of sums and its standard error, profiles being the independent units."""
    value = top.sum() / bottom.sum()
    pieces = np.bincount(profile, top - value * bottom)
    return float(value), float(np.sqrt((pieces**2).sum()) / bottom.sum())
