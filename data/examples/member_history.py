"""What a member had done when a decision was made, from the events received until then.

An event counts from its receipt on, not from when it happened: a phone that was offline tells of
yesterday's play today, and yesterday's decision did not know of it.
"""

import pyarrow as pa

from data.days import DAY_US
from data.reading.duckdb_session import session

DAYS = 28
"""How far back a history reaches."""

COLUMNS = {
    "plays_7d": "count(*) FILTER (WHERE kind = 'play' AND hours_ago <= 168)",
    "minutes_7d": "coalesce(sum(minutes) FILTER (WHERE kind = 'progress' AND hours_ago <= 168), 0)",
    "hours_since_play": "min(hours_ago) FILTER (WHERE kind = 'play')",
    "title_impressions_7d": """count(*) FILTER (
        WHERE kind = 'impression' AND same_title AND hours_ago <= 168)""",
    "hours_since_title": "min(hours_ago) FILTER (WHERE kind = 'impression' AND same_title)",
    "last_artwork": """arg_min(artwork_id, row(hours_ago, event_id)) FILTER (
        WHERE kind = 'impression' AND same_title)""",
}
"""Column → SQL over a decision's known events; null where there is nothing to tell of."""


def member_history(decisions: pa.Table, events: pa.Table) -> pa.Table:
    """The columns of COLUMNS for each decision.

    Args:
        decisions: decision_id, time, profile_id, title_id.
        events: as EVENTS; copies of an event count once.

    Returns:
        decision_id and the columns, one row a decision, in the order of `decisions`.
    """
    named = ", ".join(f"{sql} AS {name}" for name, sql in COLUMNS.items())
    with session() as connection:
        ours = ["decision_id", "time", "profile_id", "title_id"]
        theirs = ["event_id", "received", "kind", "profile_id", "title_id", "artwork_id", "minutes"]
        connection.register("decisions", decisions.select(ours))
        connection.register("logged", events.select(theirs))
        return connection.sql(f"""
            WITH asked AS (
                SELECT decision_id, epoch_us(time) AS decided_at, profile_id, title_id,
                    row_number() OVER () AS place
                FROM decisions
            ),
            events AS (
                SELECT event_id, min(epoch_us(received)) AS received_at, any_value(kind) AS kind,
                    any_value(profile_id) AS profile_id, any_value(title_id) AS title_id,
                    any_value(artwork_id) AS artwork_id, max(minutes) AS minutes
                FROM logged GROUP BY event_id
            ),
            known AS (
                SELECT d.place, e.event_id, e.kind, e.minutes, e.artwork_id,
                    e.title_id = d.title_id AS same_title,
                    (d.decided_at - e.received_at) / 3.6e9 AS hours_ago
                FROM asked d JOIN events e ON e.profile_id = d.profile_id
                    AND e.received_at < d.decided_at
                    AND e.received_at >= d.decided_at - {DAYS * DAY_US}
            ),
            counted AS (SELECT place, {named} FROM known GROUP BY place)
            SELECT decision_id, {", ".join(_or_nothing(name) for name in COLUMNS)}
            FROM asked LEFT JOIN counted USING (place) ORDER BY place
        """).to_arrow_table()


def _or_nothing(name: str) -> str:
    """Counts and sums of nothing are 0; a time since nothing is not known."""
    return f"coalesce({name}, 0) AS {name}" if name.endswith("_7d") else name
