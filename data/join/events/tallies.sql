tallies AS (
    SELECT decision_id, {aggregates}
    FROM (
        SELECT
            r.decision_id, r.shown_at, a.kind, a.engaged_at, a.minutes, a.thumb, a.value,
            row_number() OVER (
                PARTITION BY r.decision_id, a.event_id
                ORDER BY
                    a.engaged_at, a.kind, a.value NULLS LAST, a.minutes NULLS LAST,
                    a.thumb NULLS LAST
            ) AS nth
        FROM rendered r
        JOIN attributed a ON a.decision_id = r.decision_id
        WHERE a.engaged_at >= r.shown_at - {skew_us} AND a.engaged_at <= r.closes_at
            AND a.engaged_at <= {now_us}
    ) AS events_of
    WHERE nth = 1
    GROUP BY decision_id
),
