"""Why a join of decisions made no example, in a sentence."""

from collections.abc import Collection
from datetime import UTC, datetime

from data.days import MINUTE_US
from data.join.attribution import Spans
from data.join.engine import Engine
from data.join.state import DayState

COUNTS = """
SELECT count(*), count(i.decision_id), count(d.decision_id),
       coalesce(sum(CASE WHEN d.profile_id <> i.profile_id OR d.title_id <> i.title_id
                         THEN 1 ELSE 0 END), 0),
       coalesce(sum(CASE WHEN i.shown_at < d.decided_at - {skew_us} THEN 1 ELSE 0 END), 0),
       coalesce(sum(CASE WHEN i.shown_at >= d.decided_at + {horizon_us} THEN 1 ELSE 0 END), 0),
       avg(CAST(i.shown_at - d.decided_at AS DOUBLE))
FROM (
    SELECT decision_id, profile_id, title_id, least(happened_at, received_at) AS shown_at
    FROM events WHERE kind = 'impression'
) i
LEFT JOIN (
    SELECT decision_id, min(decided_at) AS decided_at, min(profile_id) AS profile_id,
           min(title_id) AS title_id
    FROM decisions GROUP BY decision_id
) d ON d.decision_id = i.decision_id
"""


def all_wait(days: Collection[DayState]) -> str | None:
    """What is the matter where all that was shown is still waiting; None: nothing waits.

    Args:
        days: that were joined, without an example.
    """
    closes = [day.next_close for day in days if day.next_close is not None]
    if not closes:
        return None
    moment = datetime.fromtimestamp(min(closes) / 1e6, UTC).isoformat(timespec="minutes")
    waiting = sum(day.waiting for day in days)
    return (
        f"all {waiting:,} rendered decisions wait for what may still follow, the first until "
        f"{moment}: join again then, or give --now where the log is complete already"
    )


def why_nothing(engine: Engine, spans: Spans) -> str:
    """What is the matter with the impressions in view, of the decisions in view.

    Args:
        engine: with views of all of both.
        spans: how far apart they may be.
    """
    [row] = engine.query(COUNTS.format(**spans._asdict()))
    seen, named, known, others, before, after = (int(count) for count in row[:6])
    if not seen:
        return "the log has no impression events: log one for each artwork that a page showed"
    if not named:
        return f"none of {seen} impressions has a decision_id: log it with the impression"
    if not known:
        return (
            f"none of {named} impressions names a decision of this log: join the log that "
            "they were decided in, or write the same ids in both"
        )
    if before > known / 2:
        minutes = -float(row[6]) / MINUTE_US
        return (
            f"{before} of {known} impressions come before their decision, by {minutes:.0f} minutes "
            "on average: are the decisions' times local? Write both in UTC"
        )
    if after > known / 2:
        return f"{after} of {known} impressions come longer after their decision than it holds"
    if others > known / 2:
        return f"{others} of {known} impressions are of another profile or title than was decided"
    return "no impression can be credited; set_aside counts them by reason"
