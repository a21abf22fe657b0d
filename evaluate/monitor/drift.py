"""Drift of what is known when deciding: each fact's shares by day, against a reference."""

from typing import NamedTuple

import duckdb
import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from data.check.finding import WARN_P, Check, Limits, by_limits
from data.check.log_views import whole_days
from data.schema.page_facts import PAGE_FACTS
from evaluate.monitor.own_facts import Measure, own_measures

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
OWN = "own."
"""Before the name of a fact of the user's own."""
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


class Shares(NamedTuple):
    """How often each value of a fact was seen, by whose it is."""

    counts: Float[np.ndarray, "owners values"]

    @property
    def total(self) -> Float[np.ndarray, " values"]:
        """Of all owners."""
        return self.counts.sum(0)

    @property
    def weight(self) -> Float[np.ndarray, " owners"]:
        """Share of all rows that are an owner's."""
        return self.counts.sum(1) / self.counts.sum()

    @property
    def influence(self) -> Float[np.ndarray, "owners values"]:
        """What each owner moved the shares by, corrected by leverage."""
        weight = self.weight[:, None]
        share = self.total / self.counts.sum()
        pieces = self.counts / self.counts.sum() - share * weight
        return pieces / np.maximum(1 - weight, 0.01)


class Change(NamedTuple):
    """The value whose share changed most surely, of those that changed by enough to matter."""

    value: int
    points: float
    p: float


def surest_change(reference: Shares, seen: Shares, points: float) -> Change | None:
    """Chi-square of one degree for each value's share, its owners being the independent units.

    Who came on both days is compared with themselves. p is multiplied by the number of values, and
    follows Student's t law on as many degrees of freedom as owners that would weigh the same.

    Args:
        reference: shares that are compared with, of the same owners and values.
        seen: shares of the day.
        points: change of a share that matters; None if no value has it.

    Source: Rao and Scott (1981), JASA 76(374), for what clusters do to chi-square; Liang and Zeger
    (1986), Biometrika 73(1), for their variance.
    """
    gap = seen.total / seen.total.sum() - reference.total / reference.total.sum()
    variance = ((seen.influence - reference.influence) ** 2).sum(0)
    weight = seen.weight + reference.weight
    freedom = max(1.0, float(weight.sum() ** 2 / (weight**2).sum()) - 1)
    matters = np.flatnonzero(abs(gap) >= points)
    if not len(matters):
        return None
    z = abs(gap[matters]) / np.sqrt(np.maximum(variance[matters], 1e-300))
    p = np.minimum(1.0, 2 * stats.t.sf(z, freedom) * len(gap))
    return Change(int(matters[p.argmin()]), float(gap[matters[p.argmin()]]), float(p.min()))


def check_drift(connection: duckdb.DuckDBPyConnection, limits: Limits) -> list[Check]:
    """Drift of each fact on each whole day against the reference.

    Args:
        connection: with the view `d`, and the view `r` of reference decisions.
        limits: of the index, and of shares.
    """
    checks = []
    days = whole_days(connection, "d")
    shipped = {name: Measure(sql) for name, sql in FACTS.items()}
    for fact, measure in (shipped | own_measures(connection)).items():
        names, reference, seen = _shares(connection, fact, measure, days)
        for day, shares in seen.items():
            checks.append(_check(fact, day, names, reference, shares, limits))
    return checks


def _check(
    fact: str, day: str, names: list[str], reference: Shares, seen: Shares, limits: Limits
) -> Check:
    index = stability_index(reference.total, seen.total)
    # Facts belong to profiles or titles: chance is that of these, not of decisions, and of as many
    # as would weigh the same.
    chance = len(names) * float((reference.weight**2).sum() + (seen.weight**2).sum())
    state = by_limits(index - 3 * chance, limits.drift_warn, limits.drift_alert)
    change = surest_change(reference, seen, limits.drift_points)
    words = ""
    if change is not None:
        words = f"; {names[change.value]}: {100 * change.points:+.1f} points (p = {change.p:.2g})"
        if state == "ok" and change.p < WARN_P:
            state = "warn"
    return Check(
        *(f"drift_{fact}", day, "all", index),
        state,
        f"{fact}: stability index {index:.3f} against the reference (chance alone gives about"
        f" {chance:.3f}){words}; see what changed in how it is computed or who comes",
        None if change is None else change.p,
    )


def _shares(
    connection: duckdb.DuckDBPyConnection, fact: str, measure: Measure, days: list[str]
) -> tuple[list[str], Shares, dict[str, Shares]]:
    """Names of a fact's values, their shares in the reference, and by day; none if it has none."""
    known = f"({PAGE_KNOWN})" if fact in PAGE_FACTS else "true"
    if fact.startswith(OWN):  # which of them a page alone knows is not said in a log
        known = f"({PAGE_KNOWN} OR ({measure.sql}) IS NOT NULL)"
    value, parts = measure.sql, "*"
    if measure.listed:  # each name counts; a row without any is one of none
        value = "part"
        parts = f"*, unnest(CASE WHEN len({measure.sql}) > 0 THEN {measure.sql} ELSE [NULL] END)"
        parts += " AS part"
    counted = f"""coalesce(CAST({value} AS VARCHAR), 'none') AS value,
        hash({BELONGS_TO.get(fact, "profile_id")}) AS owner, {known} AS known, count(*) AS n"""
    table = connection.sql(
        f"""SELECT NULL AS day, {counted} FROM (SELECT {parts} FROM r) WHERE {known} GROUP BY ALL
        UNION ALL SELECT day, {counted} FROM (SELECT {parts} FROM d) GROUP BY ALL"""
    ).to_arrow_table()
    day = np.array(table["day"].to_pylist(), dtype=object)
    base = table["day"].is_null().to_numpy()
    if not base.any():
        return [], Shares(np.zeros((0, 0))), {}  # no page was known then: nothing to compare with
    n = table["n"].to_numpy().astype(float)
    is_known = table["known"].to_numpy(zero_copy_only=False)
    encoded = table["value"].combine_chunks().dictionary_encode()
    values, code = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    often = np.argsort(-np.bincount(code[base], n[base], len(values)), kind="stable")
    place = np.full(len(values), min(len(values), MOST))
    place[often[:MOST]] = np.arange(len(often[:MOST]))
    names = [values[at] for at in often[:MOST]] + ["others"]
    owners, owner = np.unique(table["owner"].to_numpy(), return_inverse=True)

    def shares(rows: Bool[np.ndarray, " rows"]) -> Shares:
        cell = owner[rows] * len(names) + place[code[rows]]
        counts = np.bincount(cell, n[rows], len(owners) * len(names))
        return Shares(counts.reshape(len(owners), len(names)))

    found = {}
    for name in days:
        today = day == name
        page = today & is_known
        found[name] = shares(page if page.any() else today)
    return names, shares(base), found
