-- Impressions that name a decision of the days being joined and cannot be credited to it, by reason.
SELECT reason, count(DISTINCT event_id) AS impressions
FROM (
    SELECT
        i.event_id,
        CASE
            WHEN k.decision_id IS NULL THEN 'an id that names two things'
            WHEN i.profile_id <> k.profile_id OR i.title_id <> k.title_id
                THEN 'another profile or title'
            WHEN i.artwork_id <> k.action THEN 'another artwork'
        END AS reason
    FROM events i
    JOIN (SELECT DISTINCT decision_id FROM decisions) d ON d.decision_id = i.decision_id
    LEFT JOIN ({chosen}) k ON k.decision_id = i.decision_id
    WHERE i.kind = 'impression'
)
WHERE reason IS NOT NULL
GROUP BY reason
