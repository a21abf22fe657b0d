"""New artwork of a catalogue, judged by a log: on probation, passed, or stopped."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.catalogue import Catalogue
from data.days import DAY_US
from data.records import TitleId
from evaluate.probation.standing import standing
from evaluate.probation.terms import OnProbation, ProbationTerms

RECENT_DAYS = 7
"""Of the log: how many draws a title has a day."""


def judge(
    examples: pa.Table, catalogue: Catalogue, terms: ProbationTerms, today: date, new_days: int
) -> list[OnProbation]:
    """All new artwork that stands beside older artwork of its title.

    Args:
        examples: of the log; rows that were not drawn among several are left out.
        catalogue: whose artwork it is.
        terms: of probation.
        today: on which artwork is a candidate.
        new_days: days from an artwork's first within which it is new.
    """
    first = _first_days(catalogue)
    since = today - timedelta(days=new_days)
    pools: dict[TitleId, tuple[list[str], list[str]]] = {}
    for title in catalogue.title_ids:
        names = catalogue.candidates(title, today)
        new = [name for name in names if (first.get(name) or date.min) > since]
        if new and len(new) < len(names):
            pools[title] = new, [name for name in names if name not in new]
    if not pools:
        return []
    drawn = _drawn(examples, pools)
    end = pc.call_function("max", [examples["time"]]).cast(pa.int64()).as_py()
    recent = end - RECENT_DAYS * DAY_US
    return [
        one
        for title, (new, before) in pools.items()
        for one in _of_title(drawn, title, new, before, terms, recent)
    ]


def _of_title(
    drawn: pa.Table,
    title: TitleId,
    new: list[str],
    before: list[str],
    terms: ProbationTerms,
    recent: int,
) -> Iterator[OnProbation]:
    rows = drawn.filter(pc.call_function("equal", [drawn["title_id"], pa.scalar(title)]))
    names = [*before, *new]
    place = {name: code for code, name in enumerate(names)}
    actions = np.array([place.get(name, -1) for name in rows["action"].to_pylist()], np.int64)
    propensities, rewards = (
        np.asarray(rows[column], np.float64) for column in ("propensity", "reward")
    )
    candidates = rows["candidates"].to_pylist()
    times = np.asarray(rows["time"].cast(pa.int64()))
    surfaces = pc.call_function("struct_field", [rows["facts"].combine_chunks()], _SURFACE)
    late = [s or "" for s, t in zip(surfaces.to_pylist(), times, strict=True) if t > recent]
    daily = {surface: late.count(surface) / RECENT_DAYS for surface in sorted(set(late))}
    for name in new:
        beside = np.array([name in its for its in candidates], bool)
        stands = standing(
            place[name],
            range(len(before)),
            actions,
            propensities,
            rewards,
            beside,
            terms.draws,
            terms.alpha,
        )
        state = "passed" if stands.draws >= terms.draws else "on probation"
        yield OnProbation(
            name,
            title,
            stands.draws,
            names[stands.best],
            stands.best_value,
            stands.difference,
            stands.low,
            stands.high,
            "stopped" if stands.lost(terms.margin) else state,
            stands.gap,
            daily,
        )


_SURFACE = pc.StructFieldOptions("surface")


def _drawn(examples: pa.Table, pools: dict[TitleId, tuple[list[str], list[str]]]) -> pa.Table:
    """Rows of some titles that were drawn among several candidates."""
    several = pc.call_function("list_value_length", [examples["candidates"]])
    kept = pc.call_function("greater", [several, pa.scalar(1)])
    level = pc.call_function("equal", [examples["level"], pa.scalar("personalised")])
    titles = pa.array(list(pools), examples["title_id"].type)
    named = pc.call_function("is_in", [examples["title_id"]], pc.SetLookupOptions(titles))
    both = pc.call_function("and", [kept, level])
    return examples.filter(pc.call_function("and", [both, named])).combine_chunks()


def _first_days(catalogue: Catalogue) -> dict[str, date | None]:
    names = catalogue.artworks["artwork_id"].to_pylist()
    days = cast("list[date | None]", catalogue.artworks["added_day"].to_pylist())
    return dict(zip(names, days, strict=True))
