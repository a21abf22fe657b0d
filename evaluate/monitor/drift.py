"""Drift of what is known when deciding: population stability index of each fact by day."""

import duckdb
import numpy as np
from jaxtyping import Float

from data.check.finding import Check, Limits, by_limits
from data.page_facts import PAGE_FACTS

FACTS = {
    "country": "facts.country",
    "language": "facts.language",
    "device": "facts.device",
    "surface": "facts.surface",
    "day_part": "facts.day_part",
    "row": "facts.row",
    "column": 'facts."column"',
    "tenure": "floor(log2(1 + greatest(facts.tenure_days, 0)))",
    "genres_known": "cardinality(facts.watched_genres)",
    "cast_known": "cardinality(facts.watched_cast)",
    "titles_watched": "floor(2 * log2(1 + list_sum(map_values(facts.watched_genres))))",
    "candidates": "len(candidates)",
}
"""Fact → its SQL over a decision."""
PAGE_KNOWN = " OR ".join(f'facts."{name}" IS NOT NULL' for name in PAGE_FACTS)
"""Whether a decision knows its page. Those made ahead of pages do not, and how many of a day's rows
they are is no drift: page facts are compared among the others, unless a day has none."""
BELONGS_TO = {"candidates": "title_id"}
"""Whose a fact is, where it is not the profile's: chance is that of so many. On a day on which most
draws are of titles with new artwork, their numbers of candidates are those of a few titles."""
MOST = 20
"""Values of a fact that are counted apart; the rest are one."""


def stability_index(
    reference: Float[np.ndarray, " values"], seen: Float[np.ndarray, " values"]
) -> float:
    """Population stability index Σ (p − q)·ln(p / q) of two histograms.

    Half a count is added to each value so that one unseen value is not an infinite drift. Below
    0.1 is steady, above 0.25 is another population (Yurdakul 2018, "Statistical Properties of
    Population Stability Index").
    """
    p = (seen + 0.5) / (seen + 0.5).sum()
    q = (reference + 0.5) / (reference + 0.5).sum()
    return float(((p - q) * np.log(p / q)).sum())


def check_drift(connection: duckdb.DuckDBPyConnection, limits: Limits) -> list[Check]:
    """Drift of each fact on each day against the reference.

    Args:
        connection: with the view `d`, and the view `r` of reference decisions.
        limits: of the index.
    """
    checks = []
    for fact, sql in FACTS.items():
        counted = f"SELECT CAST({sql} AS VARCHAR) AS v, count(*) AS n"
        known = f"({PAGE_KNOWN})" if fact in PAGE_FACTS else "true"
        reference = dict(connection.sql(f"{counted} FROM r WHERE {known} GROUP BY v").fetchall())
        if not reference:
            continue  # no page was known then: there is nothing to compare with
        common = sorted(reference, key=lambda v: -reference[v])[:MOST]
        owner = BELONGS_TO.get(fact, "profile_id")
        owners = f"count(DISTINCT {owner}) FILTER (WHERE {known})"
        base = connection.sql(f"SELECT {owners} FROM r").fetchall()[0][0]
        seen = dict(connection.sql(f"SELECT day, {owners} FROM d GROUP BY day").fetchall())
        days: dict[str, dict[str | None, int]] = {}
        rows = f"{counted}, day, {known} AS known FROM d GROUP BY ALL ORDER BY known DESC"
        for v, n, day, is_known in connection.sql(rows).fetchall():
            if is_known or day not in days:
                days.setdefault(day, {})[v] = n
        for day in sorted(days):
            index = stability_index(_histogram(reference, common), _histogram(days[day], common))
            # Facts belong to profiles or titles: chance is that of these, not of decisions.
            chance = len(common) * (1 / max(base, 1) + 1 / max(seen[day], 1))
            checks.append(
                Check(
                    *(f"drift_{fact}", day, "all", index),
                    by_limits(index - 3 * chance, limits.drift_warn, limits.drift_alert),
                    f"{fact}: stability index {index:.3f} against the reference (chance alone"
                    f" gives about {chance:.3f}); see what changed in how it is computed or who"
                    " comes",
                )
            )
    return checks


def _histogram(counts: dict[str | None, int], common: list[str | None]) -> np.ndarray:
    """Counts of the common values, and of all others together."""
    known = [counts.get(v, 0) for v in common]
    return np.array([*known, sum(counts.values()) - sum(known)], dtype=float)
