"""Checks that rows are draws: one row each, random given what was shown before, under one id.

They see what weights alone do not: rows that exist or not depending on what was drawn, pages that
share a draw, ids that name two things, choices that nobody drew. `docs/propensities.md` says why
each must hold.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from scipy import stats

from data.check.finding import Check, by_p
from data.check.log_views import view_decisions, view_impressions
from data.join.rendered_draws import Impressions, rendered_rows
from data.log.precompute_runs import RunFile, run_files
from data.problem import Problem, whole
from data.reading.duckdb_session import reading

MEAN_WEIGHT = """
WITH rows AS (
  SELECT day, bundle, level, propensity AS p, len(candidates) AS k, {probabilities} AS every FROM d
  WHERE len(candidates) > 1 AND propensity > 0 AND level <> 'shown'
    AND (propensity < 1 OR level = 'personalised')),
least AS (SELECT bundle, min(p) AS least FROM rows GROUP BY bundle),
moments AS (
  SELECT day, bundle, level, 1 / (p * k) AS w,
         CASE WHEN list_min(every) > 0
              THEN list_sum(list_transform(every, lambda x: 1 / x)) / (k * k) - 1
              ELSE ((k - 1) / least + 1 / greatest(1 - (k - 1) * least, least)) / (k * k) - 1
         END AS variance,
         1 / (k * CASE WHEN list_min(every) > 0 THEN list_min(every) ELSE least END) AS most
  FROM rows JOIN least USING (bundle))
SELECT day, bundle, level, avg(w), sum(variance), max(most), count(*)
FROM moments GROUP BY ALL ORDER BY ALL
"""
GIVEN_BEFORE = """
SELECT day, bundle, count(*) AS n, sum(p) AS expected, sum(p * (1 - p)) AS variance,
       sum(hit::INT) AS observed
FROM (
  SELECT day, bundle, action = was AS hit,
         probabilities[list_position(candidates, was)] AS p
  FROM (
    SELECT *, lag(action) OVER (PARTITION BY profile_id, title_id ORDER BY time, decision_id) AS was
    FROM (SELECT DISTINCT ON (decision_id) * FROM d WHERE level = 'personalised'))
  WHERE len(candidates) > 1)
WHERE p > 0 AND p < 1
GROUP BY ALL ORDER BY day, bundle
"""
CERTAIN = """
SELECT day, bundle, count(*) AS n,
       sum((propensity >= 1 AND level = 'personalised')::INT) AS certain
FROM d WHERE len(candidates) > 1 GROUP BY ALL ORDER BY day, bundle
"""
TWO_THINGS = """
SELECT count(*) AS ids, coalesce(sum(different::INT), 0) AS two,
       min(CASE WHEN different THEN decision_id END) AS one
FROM (
  SELECT decision_id,
         min(action) <> max(action) OR min(profile_id) <> max(profile_id)
         OR min(title_id) <> max(title_id) OR min(propensity) <> max(propensity)
         OR min(candidates) <> max(candidates) AS different
  FROM d GROUP BY decision_id)
"""
REPEATED = """
SELECT day, bundle, sum(rows) AS n, sum(rows - 1) AS repeated
FROM (
  SELECT min(day) AS day, bundle, count(DISTINCT decision_id) AS rows
  FROM d WHERE level = 'personalised' AND len(candidates) > 1 AND seed <> 0
  GROUP BY bundle, profile_id, title_id, seed)
GROUP BY ALL ORDER BY day, bundle
"""
NAMED = """
SELECT strftime(least(i.time, i.received) AT TIME ZONE 'UTC', '%Y-%m-%d') AS day, count(*) AS n,
       sum((k.decision_id IS NULL AND f.decision_id IS NULL)::INT) AS unknown,
       sum((k.decision_id IS NOT NULL
            AND coalesce(i.artwork_id, k.action) <> k.action)::INT) AS other_artwork,
       sum((k.decision_id IS NOT NULL
            AND (i.profile_id <> k.profile_id OR i.title_id <> k.title_id))::INT) AS others
FROM i LEFT JOIN (
  SELECT decision_id, min(action) AS action, min(profile_id) AS profile_id,
         min(title_id) AS title_id FROM d GROUP BY decision_id) k USING (decision_id)
LEFT JOIN found f USING (decision_id)
GROUP BY ALL ORDER BY day
"""
NOT_IN_LOG = """
SELECT DISTINCT decision_id, profile_id, title_id FROM i
WHERE decision_id NOT IN (SELECT decision_id FROM d)
"""
SEEN_TWICE = """
SELECT count(*) AS n, sum((rows > 1)::INT) AS several,
       avg(CASE WHEN rows > 1 THEN taken END) AS taken_of_several,
       avg(CASE WHEN rows = 1 THEN taken END) AS taken_of_one
FROM (
  SELECT count(DISTINCT e.decision_id) AS rows, max(reward) AS taken
  FROM e JOIN (SELECT DISTINCT ON (decision_id) decision_id, seed, title_id FROM d) k
    USING (decision_id)
  WHERE seed <> 0 GROUP BY e.bundle, e.profile_id, k.title_id, seed)
"""


def problems_of_draws(log: Path) -> Iterator[Problem]:
    """What is wrong with how a log's rows came about, however sound each of them is.

    Args:
        log: folder with decisions/ and perhaps events/.
    """
    with reading(log) as connection:
        view_decisions(connection, log, None)
        checks = check_draws(connection)
        if view_impressions(connection, log):
            checks += check_impressions(connection, log)
    yield from _problems(checks, log)


def problems_of_examples(examples: Path) -> Iterator[Problem]:
    """The same of examples: whether which draws are there depends on what they fell on.

    Args:
        examples: folder of them, or their file.
    """
    with reading(examples) as connection:
        view_decisions(connection, examples, None, whole=False)
        yield from _problems(mean_weights(connection, whole=False), examples)


def _problems(checks: list[Check], where: Path) -> Iterator[Problem]:
    for check in checks:
        if check.state == "alert":
            what = f"{check.words} ({check.day}, {check.bundle})"
            yield whole(check.name, where, None, what, "docs/propensities.md says what must hold")


def check_draws(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Checks of the view `d` of decisions."""
    checks = [*mean_weights(connection), *_given_before(connection)]
    for day, bundle, n, certain in connection.sql(CERTAIN).fetchall():
        checks.append(
            Check(
                *("certain_choices", day, bundle, certain / n),
                "alert" if certain else "ok",
                f"{certain} of {n} personalised choices among several candidates have propensity"
                " 1: they were not drawn, and say nothing of what else could have been shown",
            )
        )
    for day, bundle, n, repeated in connection.sql(REPEATED).fetchall():
        checks.append(
            Check(
                *("repeated_draws", day, bundle, repeated / n),
                "alert" if repeated / n > 0.001 else "ok",
                f"{repeated} of {n} rows repeat a draw under another id: members who look again"
                " have more rows, and takes are weighted by how often one looked",
            )
        )
    ids, two, one = connection.sql(TWO_THINGS).fetchall()[0]
    checks.append(
        Check(
            *("ids_that_name_two_things", "all", "all", two / max(ids, 1)),
            "alert" if two else "ok",
            f"{two} of {ids} decision ids stand for different choices"
            + (f", such as {one}: takes go to artwork that was not shown" if two else ""),
        )
    )
    return checks


def check_impressions(connection: duckdb.DuckDBPyConnection, log: Path | str) -> list[Check]:
    """Checks of the view `i` of impressions that name a decision, against `d`.

    Args:
        connection: with these views.
        log: their folder; decisions that its runs of precompute hold, where the join looks them
            up, are not missing.
    """
    checks, runs = [], run_files(Path(log))
    _find(connection, [])
    days = connection.sql(NAMED).fetchall()
    if runs and any(unknown for _, _, unknown, _, _ in days):
        _find(connection, runs)
        days = connection.sql(NAMED).fetchall()
    for day, n, unknown, artwork, others in days:
        wrong = unknown + artwork + others
        checks.append(
            Check(
                *("impressions_of_decisions", day, "all", wrong / n),
                "alert" if artwork or others or unknown / n > 0.01 else "ok",
                f"of {n} impressions {unknown} name a decision that is not in the log"
                f"{f' nor in its {len(runs)} runs' if runs else ''}, {artwork} showed another"
                f" artwork than was decided, {others} another profile or title",
            )
        )
    return checks


def _find(connection: duckdb.DuckDBPyConnection, runs: Sequence[Path]) -> None:
    """Make the table `found` of ids that impressions name and that runs hold, not the log."""
    ids: list[str] = []
    if runs:
        named = Impressions.of(connection.sql(NOT_IN_LOG).to_arrow_table())
        for run in runs:
            ids += rendered_rows(RunFile.read(run), named)["decision_id"].to_pylist()
    found = pa.table({"decision_id": pa.array(ids, pa.string())})
    connection.register("found_ids", found)
    connection.execute("CREATE OR REPLACE TEMP TABLE found AS SELECT DISTINCT * FROM found_ids")
    connection.unregister("found_ids")


def check_rows_a_draw(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Whether examples repeat a draw, and repeat it by what came of it; view `e`."""
    n, several, of_several, of_one = connection.sql(SEEN_TWICE).fetchall()[0]
    if not n:
        return []
    return [
        Check(
            *("rows_a_draw", "all", "all", several / n),
            "alert" if several / n > 0.001 else "ok",
            f"{several} of {n} draws have more than one example"
            + (
                f"; {of_several:.3f} of them were taken, {of_one or 0:.3f} of the others: how"
                " many rows a draw has must not depend on its reward"
                if several
                else ""
            ),
        )
    ]


def mean_weights(connection: duckdb.DuckDBPyConnection, whole: bool = True) -> list[Check]:
    """The mean weight of the uniform policy, which must be 1, by day and level.

    Its variance is known where the probabilities of all candidates are, and bounded by the least
    propensity of the bundle elsewhere: rare choices have large weights, and a day on which none of
    them fell says nothing by its own variance.

    Args:
        connection: with the view `d`.
        whole: whether `d` has probabilities.
    """
    query = MEAN_WEIGHT.format(probabilities="probabilities" if whole else "NULL::DOUBLE[]")
    checks = []
    for day, bundle, level, mean, variance, most, n in connection.sql(query).fetchall():
        p = mean_weight_p(mean, n, variance, most)
        checks.append(
            Check(
                *(f"mean_weight_{level}", day, bundle, mean),
                by_p(p, abs(mean - 1) > 0.02),
                f"the mean weight of the uniform policy on {level} rows is {mean:.3f} and must be"
                f" 1 (p < {p:.2g}): else which rows exist depends on what was drawn",
                p,
            )
        )
    return checks


def mean_weight_p(mean: float, rows: int, variance: float, largest: float) -> float:
    """How likely weights of mean 1 are to have a mean so far from it, at most.

    Source: Freedman (1975), "On Tail Probabilities for Martingales": what is drawn next may depend
    on what was drawn before.

    Args:
        mean: of the weights.
        rows: how many.
        variance: sum of their variances.
        largest: weight that is possible.
    """
    gap = abs(mean - 1) * rows
    bound = largest if mean > 1 else 1.0
    spread = 2 * (variance + bound * gap / 3) + 1e-300
    return min(1.0, 2 * float(np.exp(-gap * (gap / spread))))  # whose square may be too large


def _given_before(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """How often a draw fell on what was shown before, against how often it should have."""
    checks = []
    for day, bundle, n, expected, variance, observed in connection.sql(GIVEN_BEFORE).fetchall():
        if variance < 5:
            continue
        z = (observed - expected) / np.sqrt(variance)
        p = float(2 * stats.norm.sf(abs(z)))
        checks.append(
            Check(
                *("draws_given_before", day, bundle, observed / expected),
                by_p(p, abs(observed / expected - 1) > 0.02),
                f"{observed} of {n} draws fell on what was shown before, {expected:.0f} should"
                f" have (p = {p:.2g}): propensities are not conditional on it, or draws are shared",
                p,
            )
        )
    return checks
