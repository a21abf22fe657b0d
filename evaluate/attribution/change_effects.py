"""What a change of artwork does: take on the days it changed against the days it stayed.

A day here is a profile, a title and a date on which the title was shown to it. The join counts a
choice that is kept for days once, as it must to learn from it; whether a change confuses or
refreshes shows on every day that the title was seen.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.catalogue import Catalogue
from data.days import DAY_US
from data.errors import BadInput
from data.join.attribution import Attribution
from data.join.duckdb_engine import events_view, parquet
from data.join.inputs import log_files
from data.join.rewards import TAKE_MINUTES, TAKE_SHARE
from data.reading.conformed_files import conformed_files
from data.reading.duckdb_session import reading
from data.records import PLAIN_EVENTS
from evaluate.attribution.effect_within import ChangeEffect, effect_within

MOST_EXPOSURES = 20
"""Number of exposure from which on they are as one."""

SQL = """
WITH told AS (
    SELECT event_id, any_value(kind) AS kind, any_value(profile_id) AS profile_id,
        any_value(title_id) AS title_id, any_value(decision_id) AS decision_id,
        any_value(artwork_id) AS artwork_id, max(minutes) AS minutes,
        min(least(happened_at, received_at)) AS moment, max(received_at) AS heard_at
    FROM events GROUP BY event_id
),
shown AS (
    SELECT profile_id, title_id, CAST(floor(told.moment / {day_us}) AS BIGINT) AS day,
        min(told.moment) AS moment,
        arg_min(artwork_id, (told.moment, event_id)) AS artwork_id,
        arg_min(decision_id, (told.moment, event_id)) AS decision_id, count(*) AS impressions
    FROM told WHERE kind = 'impression' AND artwork_id IS NOT NULL
    GROUP BY profile_id, title_id, day
),
days AS (
    SELECT *, lag(artwork_id) OVER w AS before, row_number() OVER w AS exposure
    FROM shown WINDOW w AS (PARTITION BY profile_id, title_id ORDER BY day)
),
watched AS (
    SELECT d.profile_id, d.title_id, d.day, max(e.minutes) AS minutes
    FROM (SELECT * FROM told WHERE kind = 'progress') e
    ASOF JOIN days d ON d.profile_id = e.profile_id AND d.title_id = e.title_id
        AND d.moment <= e.moment + {skew_us}
    WHERE e.moment <= d.moment + {window_us}
    GROUP BY d.profile_id, d.title_id, d.day
)
SELECT d.profile_id, d.title_id, d.decision_id, d.exposure, d.before,
    d.before IS DISTINCT FROM d.artwork_id AS changed, d.impressions,
    coalesce(w.minutes >= least({minutes}, {share} * t.runtime_minutes), false) AS taken
FROM days d
LEFT JOIN watched w USING (profile_id, title_id, day)
LEFT JOIN titles t USING (title_id)
WHERE d.moment + {window_us} <= (SELECT max(heard_at) FROM told)
"""


@dataclass(frozen=True)
class ChangeEffects:
    """Days that titles were seen again, by whether their artwork had changed since."""

    first_days: int
    """Days on which a profile saw a title for the first time: neither changed nor stayed."""
    changed_days: int
    stayed_days: int
    repeated_impressions: int
    """Impressions of a choice that had been rendered before: they count once as examples."""
    take_changed: float
    take_stayed: float
    observed: ChangeEffect | None
    """The plain difference; who sees changes, and when, is in it: no effect. None where nothing
    changed or nothing stayed."""
    within: ChangeEffect | None
    """Among days on which a profile saw the same title, beside an effect of number of exposure."""
    adjusted: ChangeEffect | None
    """The same of what was taken over what the bundle expected of the artwork that was shown, so
    that days on which better artwork came do not count as the effect of change."""


def change_effects(
    log: Path, catalogue: Catalogue, expected: dict[str, float] | None = None
) -> ChangeEffects:
    """Compare the days of a log.

    Args:
        log: folder with events/ of Parquet files.
        catalogue: with the titles' runtimes.
        expected: decision_id → take that the bundle expects of what was shown.

    Raises:
        BadInput: the log has no events.
    """
    files = log_files(log, "events")
    if not files:
        raise BadInput(f"{log} holds no events/*.parquet; give the folder of a log")
    spans = Attribution().spans()._asdict()
    with reading(log) as connection:
        view = events_view(parquet(conformed_files(files, PLAIN_EVENTS)))
        view = view.replace("SELECT event_id", "SELECT artwork_id, event_id", 1)
        connection.execute(f"CREATE VIEW events AS {view}")
        connection.register("titles", catalogue.titles.select(["title_id", "runtime_minutes"]))
        sql = SQL.format(**spans, day_us=DAY_US, minutes=TAKE_MINUTES, share=TAKE_SHARE)
        days: pa.Table = connection.sql(sql).to_arrow_table()
    return effects_of_days(days, expected)


def effects_of_days(days: pa.Table, expected: dict[str, float] | None = None) -> ChangeEffects:
    """Compare days on which titles were seen.

    Args:
        days: profile_id, title_id, decision_id, exposure (1 is the first), before (the artwork
            that the title had then), changed, impressions and taken.
        expected: decision_id → take that the bundle expects of what was shown.
    """
    seen = days.filter(days["before"].is_valid())
    changed = seen["changed"].to_numpy()
    taken = seen["taken"].to_numpy().astype(float)
    profile, title = (
        np.unique(seen[name].to_numpy(), return_inverse=True)[1]
        for name in ("profile_id", "title_id")
    )
    # Interest is a profile's in a title: effects of each alone leave it in.
    pair = np.unique(np.stack([profile, title]), axis=1, return_inverse=True)[1].ravel()
    exposure = np.minimum(seen["exposure"].to_numpy(), MOST_EXPOSURES)
    groups = [pair, exposure]
    adjusted = None
    if expected is not None:
        hoped = [expected.get(name, np.nan) for name in seen["decision_id"].to_pylist()]
        rest = taken - np.array(hoped, float)
        known = np.isfinite(rest)
        adjusted = effect_within(
            rest[known], changed[known], profile[known], [g[known] for g in groups]
        )
    impressions = int(days["impressions"].to_numpy().sum())
    return ChangeEffects(
        first_days=days.num_rows - seen.num_rows,
        changed_days=int(changed.sum()),
        stayed_days=int((~changed).sum()),
        repeated_impressions=impressions - len(days["decision_id"].drop_null().unique()),
        take_changed=_mean(taken[changed]),
        take_stayed=_mean(taken[~changed]),
        observed=effect_within(taken, changed, profile),
        within=effect_within(taken, changed, profile, groups),
        adjusted=adjusted,
    )


def change_lines(effects: ChangeEffects) -> list[str]:
    """What change did, in words."""
    changed, stayed = (
        f"{days:,} days" + (f" (take {take:.4f})" if days else "")
        for days, take in (
            (effects.changed_days, effects.take_changed),
            (effects.stayed_days, effects.take_stayed),
        )
    )
    lines = [f"artwork changed on {changed}, stayed on {stayed}"]
    if effects.within is None:
        lines.append("no effect of change: no day is left that could be compared with another")
    for words, effect in (
        ("observed difference (no effect: who sees changes, and when, is in it)", effects.observed),
        ("effect of change, within a profile's days of a title", effects.within),
        ("the same, over what the bundle expected of what was shown", effects.adjusted),
    ):
        if effect is not None:
            interval = f"[{effect.low:+.4f}, {effect.high:+.4f}]"
            lines.append(f"{words}: {effect.difference:+.4f} {interval}")
    return lines


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
