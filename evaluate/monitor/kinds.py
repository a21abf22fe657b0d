"""Checks of what is chosen beside the artwork: synopses, trailers and others, each kind by itself.

A log of artwork alone has none of them. `docs/dimensions.md` says how kinds are drawn and logged.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb
from scipy.stats import norm

from data.check.draws import mean_weight_p
from data.check.finding import Check, by_p
from data.check.log_views import view_kinds
from data.records import KIND_COLUMNS
from evaluate.monitor.decisions import Score, score_checks
from evaluate.monitor.drift import PAGE_KNOWN
from evaluate.monitor.kind_chances import DrawnKinds

DRAWS = 200
"""Of a candidate, from which on it is told that it was never shown."""
STUCK = 0.98
"""Share of the draws of each title's most frequent asset, from which on nothing is tried."""
LEAST_VARIANCE = 5.0
"""Of how often an asset is drawn, from which on that follows a normal law closely enough."""
NAMED = 3
"""Assets that are named; all are counted."""
VIEWS = f"""
CREATE OR REPLACE TEMP VIEW kind_rows AS
SELECT d.day, d.bundle, d.chosen, d.decision_id, ({PAGE_KNOWN}) AS paged, d.title_id, d.candidates,
       b.kinds, b.assets, b.asset_candidates, b.asset_propensities, b.combinations
FROM (SELECT DISTINCT ON (decision_id) * FROM d) d
JOIN (SELECT DISTINCT ON (decision_id) decision_id, {", ".join(KIND_COLUMNS.names)}
      FROM beside) b USING (decision_id);
CREATE OR REPLACE TEMP VIEW kind_draws AS
SELECT day, bundle, decision_id, paged, title_id, coalesce(kind, 'nothing') AS kind, asset,
       candidates, p
FROM (SELECT day, bundle, decision_id, paged, title_id, unnest(kinds) AS kind,
             unnest(assets) AS asset, unnest(asset_candidates) AS candidates,
             unnest(asset_propensities) AS p
      FROM kind_rows)
"""
WRONG = """
SELECT kind, day, bundle, count(*),
       sum((asset IS NULL OR NOT coalesce(list_contains(candidates, asset), false))::INT),
       sum((NOT coalesce(p > 0 AND p <= 1, false))::INT)
FROM kind_draws GROUP BY ALL ORDER BY ALL
"""
SOURCES = """
SELECT kind, day, count(*), sum(live), sum(map),
       sum((live + map = 0 AND level NOT IN ('personalised', 'pinned'))::INT),
       sum((live + map = 0 AND level IN ('personalised', 'pinned'))::INT)
FROM (
  SELECT t.kind, d.day, d.level, (k.paged IS TRUE)::INT AS live, (k.paged IS FALSE)::INT AS map
  FROM (SELECT DISTINCT kind, title_id FROM kind_draws) t
  JOIN (SELECT DISTINCT ON (decision_id) * FROM d) d ON d.title_id = t.title_id
  LEFT JOIN kind_draws k ON k.decision_id = d.decision_id AND k.kind = t.kind)
GROUP BY ALL ORDER BY ALL
"""
SHARES = """
WITH counts AS (
  SELECT kind, bundle, title_id, asset, count(*) AS n, sum(1 / len(candidates)) AS even
  FROM kind_draws WHERE len(candidates) > 1 AND asset IS NOT NULL GROUP BY ALL),
titles AS (
  SELECT kind, bundle, title_id, sum(n) AS n, sum(even) AS even, max(n) AS most,
         arg_max(asset, n) AS asset
  FROM counts GROUP BY ALL)
SELECT kind, bundle, sum(n)::BIGINT, sum(most)::BIGINT, sum(even), arg_max(asset, most),
       max(most)::BIGINT
FROM titles GROUP BY ALL ORDER BY ALL
"""
PROPENSITIES = """
SELECT kind, day, bundle, count(*), avg(p), min(p), sum((len(candidates) > 1)::INT)
FROM kind_draws WHERE p > 0 AND p <= 1 GROUP BY ALL ORDER BY ALL
"""
OFFERED = """
WITH offered AS (
  SELECT kind, asset, count(*) AS n
  FROM (SELECT kind, unnest(candidates) AS asset FROM kind_draws WHERE len(candidates) > 1)
  GROUP BY ALL)
SELECT kind, asset, n, (SELECT count(*) FROM kind_draws s
                        WHERE s.kind = offered.kind AND s.asset = offered.asset)
FROM offered ORDER BY ALL
"""


def check_kinds(connection: duckdb.DuckDBPyConnection, log: Path | str) -> list[Check]:
    """Checks of each kind beside the artwork; none of a log that shows artwork alone.

    Args:
        connection: with the view `d`.
        log: that it was made of.
    """
    if not view_kinds(connection, Path(log)):
        return []
    connection.execute(VIEWS)
    chances = DrawnKinds.of(connection)
    parts: list[Callable[[], list[Check]]] = [
        lambda: _rows(connection, chances),
        lambda: _score(chances),
        lambda: _weights(chances),
        lambda: _sources(connection),
        lambda: _propensities(connection),
        lambda: _shares(connection),
        lambda: _counts(chances),
        lambda: _never_shown(connection),
    ]
    return [check for part in parts for check in part()]


def _rows(connection: duckdb.DuckDBPyConnection, chances: DrawnKinds) -> list[Check]:
    """Rows that contradict themselves."""
    unequal = {tuple(group): sums.unequal for group, sums in chances.groups.items()}
    checks = []
    for kind, day, bundle, n, strangers, impossible in connection.sql(WRONG).fetchall():
        other = unequal.get((kind, day, bundle), 0)
        wrong = strangers + impossible + other
        checks.append(
            Check(
                *(f"kind_rows_{kind}", day, bundle, wrong / n),
                "alert" if wrong else "ok",
                f"{kind}: {strangers} are none of their candidates, {impossible} propensities are"
                f" not in (0, 1], {other} differ from what the logged combinations say, of {n}",
            )
        )
    return checks


def _score(chances: DrawnKinds) -> list[Check]:
    """Were the probabilities that are logged those that each kind was drawn by?"""
    checks = []
    for kind in sorted({group.kind for group in chances.groups}):
        bundles: dict[str, dict[str, Score]] = {}
        for group, sums in chances.groups.items():
            if group.kind == kind and sums.known:
                bundles.setdefault(group.bundle, {})[group.day] = Score(*sums.score.tolist())
        checks += score_checks(bundles, (f"kind_shares_{kind}", f"kind_week_{kind}"), f"{kind}: ")
    return checks


def _weights(chances: DrawnKinds) -> list[Check]:
    """The mean weight of the even policy of each kind, which must be 1."""
    checks = []
    for (kind, day, bundle), sums in sorted(chances.groups.items()):
        mean = sums.weight / sums.draws
        p = mean_weight_p(mean, sums.draws, sums.variance, sums.largest)
        checks.append(
            Check(
                *(f"kind_weight_{kind}", day, bundle, mean),
                by_p(p, abs(mean - 1) > 0.02),
                f"the mean weight of an even choice of {kind} is {mean:.3f} and must be 1"
                f" (p < {p:.2g}): else which rows exist depends on what was drawn",
                p,
            )
        )
    return checks


def _sources(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Who chose, of all decisions of titles that have the kind; fallbacks alarm as artwork does."""
    checks = []
    for kind, day, n, live, ahead, default, alone in connection.sql(SOURCES).fetchall():
        parts = (
            f"{live / n:.1%} for their page",
            f"{ahead / n:.1%} ahead of it (maps)",
            f"{default / n:.1%} fell back, where pages show the default",
            f"{alone / n:.1%} chose artwork alone",
        )
        words = f"of {n:,} decisions of titles that have {kind}, {', '.join(parts)}"
        checks.append(Check(f"kind_chosen_{kind}", day, "all", (live + ahead) / n, "ok", words))
    return checks


def _propensities(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    checks = []
    for kind, day, bundle, n, mean, least, several in connection.sql(PROPENSITIES).fetchall():
        words = (
            f"{kind} has propensity {mean:.3f} on average and {least:.2g} at least, in {n:,} draws"
            f" of which {several:,} had several candidates"
        )
        checks.append(Check(f"kind_propensity_{kind}", day, bundle, mean, "ok", words))
    return checks


def _shares(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """How much of each title's draws its most frequent asset takes."""
    checks = []
    for kind, bundle, n, most, even, asset, count in connection.sql(SHARES).fetchall():
        stuck = n >= DRAWS and most >= STUCK * n
        words = (
            f"each title's most frequent {kind} takes {most / n:.1%} of its draws (an even choice:"
            f" {even / n:.1%}); {asset}, the most frequent of all, {count / n:.1%} of {n:,}"
        )
        words += "; the log teaches nothing of the others" if stuck else ""
        state = "warn" if stuck else "ok"
        checks.append(Check(f"kind_most_{kind}", "all", bundle, most / n, state, words))
    return checks


def _counts(chances: DrawnKinds) -> list[Check]:
    """Is each asset drawn as often as its logged probabilities say? The one that is furthest."""
    checks = []
    for kind in sorted({name.kind for name in chances.assets}):
        every = {at.asset: one for at, one in chances.assets.items() if at.kind == kind}
        some = {name: one for name, one in every.items() if one.variance >= LEAST_VARIANCE}
        if not some:
            continue
        far = {name: (one.drawn - one.expected) / one.variance**0.5 for name, one in some.items()}
        name = max(far, key=lambda name: abs(far[name]))
        one = some[name]
        p, ratio = (
            min(1.0, 2 * float(norm.sf(abs(far[name]))) * len(some)),
            one.drawn / one.expected,
        )
        checks.append(
            Check(
                *(f"kind_counts_{kind}", "all", "all", ratio),
                by_p(p, abs(ratio - 1) > 0.02),
                f"of {len(some)} assets of {kind}, {name} is furthest from its probabilities: drawn"
                f" {one.drawn:,} times where their sum is {one.expected:,.0f} (p = {p:.2g})",
                p,
            )
        )
    return checks


def _never_shown(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Candidates that no draw fell on; whether that is chance is said by `_counts`."""
    checks = []
    rows = connection.sql(OFFERED).fetchall()
    for kind in sorted({row[0] for row in rows}):
        every = [row for row in rows if row[0] == kind]
        never = [(asset, n) for _, asset, n, shown in every if n >= DRAWS and not shown]
        words = f"{len(never)} of {len(every)} assets of {kind} were candidates of {DRAWS} draws or"
        words += " more and never shown"
        if never:
            named = ", ".join(f"{asset} ({n:,})" for asset, n in never[:NAMED])
            words += f": {named}" + (f" and {len(never) - NAMED} more" if never[NAMED:] else "")
        checks.append(Check(f"kind_unshown_{kind}", "all", "all", len(never), "ok", words))
    return checks
