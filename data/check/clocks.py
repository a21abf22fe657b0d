"""Whether what happened comes after what it follows from: one clock for all of a log.

Local times in one table and UTC in another pass every check of a row, and a join of them finds
nothing, or the wrong day.
"""

from collections.abc import Iterator
from pathlib import Path

from data.check.log_views import view_decisions, view_events
from data.days import HOUR_US, MINUTE_US
from data.join.attribution import Attribution
from data.problem import Problem, whole
from data.reading.duckdb_session import reading

MATTERS = 0.05
"""Share of rows from which on it is not a phone whose clock is wrong."""
LEAST = 5
"""Rows that a share is taken of, at least."""
REMEDY = "write all times in UTC, or with their zone"
LAGS = """
WITH known AS (
  SELECT decision_id, min(epoch_us(time)) AS at FROM d GROUP BY decision_id),
seen AS (
  SELECT decision_id, min(least(epoch_us(time), epoch_us(received))) AS at
  FROM events WHERE kind = 'impression' GROUP BY decision_id),
engaged AS (
  SELECT decision_id, least(epoch_us(time), epoch_us(received)) AS at
  FROM events WHERE kind <> 'impression'),
lags AS (
  SELECT 'impressions' AS what, 'decision' AS cause, seen.at - known.at AS lag, known.at AS since
  FROM seen JOIN known USING (decision_id)
  UNION ALL
  SELECT 'engagements', 'impression', engaged.at - seen.at, seen.at
  FROM engaged JOIN seen USING (decision_id))
SELECT what, cause, count(*), sum((lag < -{skew})::INT), median(lag),
       quantile_cont(lag, 0.05), quantile_cont(lag, 0.95),
       count(DISTINCT since)
FROM lags GROUP BY what, cause ORDER BY what DESC
"""


def problems_of_clocks(log: Path) -> Iterator[Problem]:
    """Impressions before their decision, engagements before their impression, or hours behind.

    Args:
        log: folder with decisions/ and perhaps events/.
    """
    with reading(log) as connection:
        view_decisions(connection, log, None)
        if not view_events(connection, log):
            return
        lags = connection.sql(LAGS.format(skew=Attribution().spans().skew_us)).fetchall()
    for what, cause, count, before, lag, low, high, moments in lags:
        if count < LEAST:
            continue
        if before > MATTERS * count:
            words = (
                f"{before:,} of {count:,} {what} come before their {cause}, by"
                f" {-lag / MINUTE_US:,.0f} minutes in the middle: are the {cause}s' times local?"
            )
            yield whole("clocks", log, "time", words, REMEDY)
        # What was decided at one moment, by precompute, may well be seen at one.
        elif low >= HOUR_US and high - low < 10 * MINUTE_US and moments > count / 2:
            words = (
                f"nearly all of {count:,} {what} come {lag / HOUR_US:.1f} hours after their"
                f" {cause}, to within minutes: is one of the two times local?"
            )
            yield whole("clocks", log, "time", words, REMEDY)
