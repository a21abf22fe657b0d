-- What each id stands for, which is one choice: where copies differ in it, no impression can say which
-- was shown.
SELECT
    decision_id, min(action) AS action, min(profile_id) AS profile_id, min(title_id) AS title_id
FROM decisions
GROUP BY decision_id
HAVING min(action) = max(action) AND min(profile_id) = max(profile_id)
    AND min(title_id) = max(title_id)
