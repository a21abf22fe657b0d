"""Checks of metrics beside the reward: each bundle's mean, beside what a uniform choice had."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from scipy import stats

from data.check.finding import Check, by_p
from data.reading.conformed_files import conformed_files
from data.records import EXAMPLES, WITH_METRICS
from data.schema_cast import parquet_files
from evaluate.metrics.metrics import guard_words, has_metrics
from evaluate.monitor.rewards import UNIFORM, error_of, ratio
from evaluate.monitor.windows import sets_of_bundles

READ = pa.schema(
    [
        *(EXAMPLES.field(n) for n in ("profile_id", "candidates", "propensity", "policy")),
        EXAMPLES.field("bundle"),
        WITH_METRICS.field("metrics"),
    ]
)
SUMS = """
SELECT name, coalesce(bundle, policy) AS bundle, policy, profile_id, count(*)::DOUBLE AS n,
       sum(value) AS total, sum(value / (propensity * len(candidates))) AS weighted,
       sum(1 / (propensity * len(candidates))) AS weight
FROM (
    SELECT *, unnest(map_keys(metrics)) AS name, unnest(map_values(metrics)) AS value
    FROM read_parquet(?, union_by_name = true)
    WHERE (len(candidates) = 1 OR propensity < 1) AND policy <> 'shown'
) WHERE isfinite(value) GROUP BY ALL ORDER BY ALL
"""
Z = float(stats.norm.ppf(0.975))


def check_metrics(
    connection: duckdb.DuckDBPyConnection, examples: str, guards: Mapping[str, float]
) -> list[Check]:
    """Each metric of each bundle with its 95% interval, against its guard over a uniform choice.

    Args:
        connection: to read with.
        examples: Parquet file or folder.
        guards: metric → share of a uniform choice's that may be lost, or had beyond it.
    """
    files = parquet_files(Path(examples))
    if not has_metrics(files):
        return []
    places = [str(file) for file in conformed_files(files, READ)]
    rows = connection.sql(SUMS, params=[places]).to_arrow_table()
    names = np.array(rows["name"].to_pylist(), object)
    return [
        check
        for name in sorted(set(names))
        for check in _checks(rows.filter(pa.array(names == name)), name, guards.get(name))
    ]


def _checks(rows: pa.Table, name: str, guard: float | None) -> list[Check]:
    bundle, policy = (
        np.array(rows[c].to_pylist(), object).astype(str) for c in ("bundle", "policy")
    )
    profile = np.unique(np.array(rows["profile_id"].to_pylist()), return_inverse=True)[1]
    n, total, weighted, weight = (rows[c].to_numpy() for c in ("n", "total", "weighted", "weight"))
    size = int(profile.max()) + 1
    checks = []
    reserved = np.isin(policy, UNIFORM)
    for live_name, members in sets_of_bundles(bundle[~reserved].tolist()).items():
        live = np.isin(bundle, members) & ~reserved
        mean, own = ratio(total[live], n[live], profile[live], size)
        uniform, others = ratio(weighted[live], weight[live], profile[live], size)
        half = Z * error_of(own)
        words = (
            f"{name} {mean:.4g} [{mean - half:.4g}, {mean + half:.4g}]; a uniform choice would "
            f"have had {uniform:.4g}"
        )
        p, state = None, by_p(1.0)
        if guard is not None:
            left = 1 + guard if uniform >= 0 else 1 - guard
            error = error_of(own - left * others)
            beyond = (mean - left * uniform) * (1 if guard > 0 else -1)
            p = float(stats.norm.sf(beyond / error)) if error > 0 else 1.0
            state = by_p(p)
            words += f", and the guard is {guard_words(guard)} (p = {p:.2g})"
        checks.append(Check(f"metric_{name}", "all", live_name, mean, state, words, p))
    return checks
