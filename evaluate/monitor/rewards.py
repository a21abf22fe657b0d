"""Checks that need rewards: promised against online value, exploration's verdict."""

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
from jaxtyping import Float
from scipy import stats

from data.check.finding import Check, by_p
from evaluate.monitor.windows import sets_of_bundles

UNIFORM = ("uniform", "random")
"""Policies whose rows are the reserved uniform fraction."""
BESIDE = ("shown", "fallback", "unpersonalised")
"""Policies of live rows that name a bundle and are no choice of it: the caller's, and what all
members are shown."""
SUMS = """
SELECT day, bundle, profile_id, policy, count(*)::DOUBLE AS n, sum(reward)::DOUBLE AS reward,
       sum(reward / (propensity * len(candidates)))::DOUBLE AS weighted,
       sum(1 / (propensity * len(candidates)))::DOUBLE AS weight
FROM e WHERE (len(candidates) = 1 OR propensity < 1) AND policy <> 'shown'
GROUP BY ALL ORDER BY ALL
"""


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
    size = int(profile.max()) + 1 if len(profile) else 0
    checks = []
    for name, members in sets_of_bundles(map(str, bundle[~reserved])).items():
        live = np.isin(bundle.astype(str), members) & ~reserved
        take, own = ratio(reward[live], n[live], profile[live], size)
        if name in expected:
            low, high = expected[name]
            gap, error = max(low - take, take - high, 0.0), error_of(own)
            p = float(2 * stats.norm.sf(gap / error)) if error > 0 else 1.0
            checks.append(
                Check(
                    *("promised_value", "all", name, take),
                    by_p(p, gap > 0),
                    f"online take {take:.4f}, promised {low:.4f} … {high:.4f} before publishing"
                    f" (p = {p:.2g})",
                    p,
                )
            )
        uniform, others = ratio(weighted[live], weight[live], profile[live], size)
        error = error_of(own - others)
        if error > 0:
            p = float(stats.norm.cdf((take - uniform) / error))
            checks.append(
                Check(
                    *("lift_over_uniform", "all", name, take - uniform),
                    by_p(p),
                    f"take {take:.4f}; a uniform choice would have had {uniform:.4f} by"
                    f" self-normalised weights (p = {p:.2g} that it is no worse)",
                    p,
                )
            )
        if reserved.any() and others.any():
            seen, theirs = ratio(reward[reserved], n[reserved], profile[reserved], size)
            p = float(2 * stats.norm.sf(abs(seen - uniform) / error_of(theirs - others)))
            checks.append(
                Check(
                    *("uniform_fraction", "all", name, uniform - seen),
                    by_p(p),
                    f"uniform choice: {uniform:.4f} off-policy, {seen:.4f} where choices were"
                    f" really uniform (p = {p:.2g}); else the weights are wrong",
                    p,
                )
            )
    return checks


def ratio(
    top: np.ndarray, bottom: np.ndarray, profile: np.ndarray, size: int
) -> tuple[float, Float[np.ndarray, " profiles"]]:
    """Ratio of sums, and what each profile moved it by.

    Two ratios of the same profiles differ by what differs profile by profile: most of what is
    chance in one is the same chance in the other.
    """
    value = top.sum() / bottom.sum()
    pieces = np.bincount(profile, top - value * bottom, size)
    return float(value), pieces / bottom.sum()


def error_of(pieces: Float[np.ndarray, " profiles"]) -> float:
    """Standard error, profiles being the independent units."""
    return float(np.sqrt((pieces**2).sum()))
