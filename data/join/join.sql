-- Decisions joined with what came of them: one row for every decision that was rendered.
--
-- DuckDB and Spark SQL both run this text, so only functions that both have, with the same
-- meaning, appear in it. Times are microseconds since 1970 (bigint): no time zones, no intervals.
-- `decisions` (of the days being joined), `known` (every decision that may be a copy of one of
-- them), `events` and `titles` are views that data/join/duckdb_engine.py and data/join/spark_engine.py lay over
-- the Parquet files; data/join/join.py fills in the words in braces.
WITH
-- Writing is at least once: a decision found twice is the one that came first. `known` reaches one
-- horizon back before {from_us}, so a copy logged on a later day does not count again.
logged AS (
    SELECT decision_id, min(decided_at) AS decided_at
    FROM known
    WHERE decision_id IN (SELECT decision_id FROM decisions)
    GROUP BY decision_id
    HAVING min(decided_at) >= {from_us}
),
-- What each id stands for: chosen.sql.
chosen AS ({chosen}),
-- Nothing happens after it was received: a clock that runs ahead is pulled back to that.
impressions AS (
    SELECT
        event_id, decision_id, profile_id, title_id, artwork_id, received_at,
        device, surface, shelf, slot, own,
        least(happened_at, received_at) AS shown_at
    FROM events
    WHERE kind = 'impression' AND decision_id IS NOT NULL
),
engagements AS (
    SELECT
        event_id, decision_id, profile_id, title_id, kind, minutes, thumb, value,
        least(happened_at, received_at) AS engaged_at
    FROM events
    WHERE kind IN ({kinds})
),
-- The first impression opens the window, and its page fills in what the decision did not know.
-- One that shows another artwork than was decided, or to somebody else, is set aside. The order says
-- all that is used, so that copies which differ in it are settled alike, whichever came first.
renderings AS (
    SELECT
        i.event_id, i.decision_id, d.decided_at, i.profile_id, i.title_id, i.shown_at, i.device, i.surface, i.shelf, i.slot,
        i.own,
        row_number() OVER (
            PARTITION BY i.decision_id
            ORDER BY
                i.shown_at, i.event_id, i.received_at, i.device NULLS LAST, i.surface NULLS LAST,
                i.shelf NULLS LAST, i.slot NULLS LAST, CAST(i.own AS STRING) NULLS LAST
        ) AS nth
    FROM logged d
    JOIN chosen k ON k.decision_id = d.decision_id
    JOIN impressions i ON i.decision_id = d.decision_id
        AND i.profile_id = k.profile_id AND i.title_id = k.title_id
        AND coalesce(i.artwork_id, k.action) = k.action
    WHERE i.shown_at >= d.decided_at - {skew_us} AND i.shown_at < d.decided_at + {horizon_us}
),
rendered AS (
    SELECT
        decision_id, decided_at, profile_id, title_id, shown_at, device, surface, shelf, slot, own,
        shown_at + {window_us} AS closes_at, shown_at + {base_us} AS counts_until
    FROM renderings
    WHERE nth = 1
),
-- A draw is one example, however many pages showed it while its window was open.
pages AS (
    SELECT r.decision_id, count(DISTINCT v.event_id) AS impressions
    FROM rendered r
    JOIN renderings v ON v.decision_id = r.decision_id AND v.shown_at <= r.counts_until
    GROUP BY r.decision_id
),
-- An engagement that names no decision came from another surface (search, a title's own page):
-- it belongs to the impression of that title which the profile saw last. Copies that differ are each
-- heard, as those of an engagement that names its decision are.
unnamed AS (
    SELECT DISTINCT
        e.event_id, e.profile_id, e.title_id, e.kind, e.engaged_at, e.minutes, e.thumb, e.value
    FROM engagements e
    JOIN rendered r ON r.profile_id = e.profile_id AND r.title_id = e.title_id
    WHERE e.decision_id IS NULL
        AND e.engaged_at >= r.shown_at - {skew_us} AND e.engaged_at <= r.closes_at
),
claims AS (
    SELECT
        i.decision_id, e.event_id, e.kind, e.engaged_at, e.minutes, e.thumb, e.value,
        row_number() OVER (
            PARTITION BY
                e.event_id, e.profile_id, e.title_id, e.kind, e.engaged_at, e.minutes, e.thumb,
                e.value
            ORDER BY
                CASE WHEN i.shown_at <= e.engaged_at THEN 0 ELSE 1 END,
                i.shown_at DESC, i.decision_id
        ) AS nth
    FROM unnamed e
    JOIN impressions i ON i.profile_id = e.profile_id AND i.title_id = e.title_id
    WHERE i.shown_at >= e.engaged_at - {window_us} AND i.shown_at <= e.engaged_at + {skew_us}
),
attributed AS (
    SELECT e.decision_id, e.event_id, e.kind, e.engaged_at, e.minutes, e.thumb, e.value
    FROM engagements e
    JOIN rendered r ON r.decision_id = e.decision_id
        AND r.profile_id = e.profile_id AND r.title_id = e.title_id
    UNION ALL
    SELECT decision_id, event_id, kind, engaged_at, minutes, thumb, value
    FROM claims
    WHERE nth = 1
),
-- Progress counts minutes watched so far, so the most is the last, and copies change nothing.
engaged AS (
    SELECT
        r.decision_id,
        max(CASE WHEN a.kind IN ('play', 'progress') THEN 1 ELSE 0 END) AS plays,
        max(CASE WHEN a.kind = 'progress' THEN CAST(a.minutes AS DOUBLE) END) AS minutes,
        max(CASE WHEN a.kind = 'thumb' THEN a.thumb END) AS thumb
    FROM rendered r
    JOIN attributed a ON a.decision_id = r.decision_id
    WHERE a.engaged_at >= r.shown_at - {skew_us} AND a.engaged_at <= r.counts_until
    GROUP BY r.decision_id
),
-- Events by kind, each once, where a reward speaks of them: data/join/events/tallies.sql.
{tallies}
-- Copies that tie here may differ in facts and candidates, which engines order each in its own way:
-- data/join/day_files.py chooses among them.
copies AS (
    SELECT
        d.*, r.device, r.surface, r.shelf, r.slot, r.own, r.closes_at,
        rank() OVER (
            PARTITION BY d.decision_id
            ORDER BY d.action, d.policy, d.level, d.propensity, d.bundle NULLS LAST, d.cell NULLS LAST
        ) AS nth
    FROM decisions d
    JOIN rendered r ON r.decision_id = d.decision_id AND r.decided_at = d.decided_at
),
outcomes AS (
    SELECT
        c.decision_id, c.decided_at, c.profile_id, c.title_id, c.facts, c.candidates, c.action,
        c.propensity, c.policy, c.bundle, c.level, c.cell, c.schema_version,
        CAST(p.impressions AS INT) AS impressions,
        c.device, c.surface, c.shelf, c.slot, c.own,
        c.page_id, c.page_slot, c.left_artwork, c.right_artwork, c.slot_propensity{copied_beside},
        c.closes_at, c.closes_at - {early_us} > {now_us} AS waiting,
        coalesce(e.plays, 0) = 1 AS played,
        greatest(coalesce(e.minutes, CAST(0 AS DOUBLE)), CAST(0 AS DOUBLE)) AS minutes,
        coalesce(e.thumb, 0) AS thumb,
        CAST(t.runtime_minutes AS DOUBLE) AS runtime_minutes{counted}
    FROM copies c
    JOIN pages p ON p.decision_id = c.decision_id
    LEFT JOIN engaged e ON e.decision_id = c.decision_id
    {tallied}
    LEFT JOIN titles t ON t.title_id = c.title_id
    WHERE c.nth = 1
)
SELECT
    decision_id, decided_at, profile_id, title_id, facts, candidates, action,
    propensity, policy, bundle, level, cell, schema_version, impressions, device, surface, shelf, slot, own,
    page_id, page_slot, left_artwork, right_artwork, slot_propensity{beside},
    closes_at, waiting, played, minutes, {value}
FROM outcomes
