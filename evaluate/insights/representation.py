"""Who and what is on the artwork that was shown, to whom, beside their part in the titles."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from data.catalogue import Catalogue
from data.features import own_column
from data.own_facts import fact_values
from data.schema import Schema
from evaluate.insights.draws import LoggedDraws
from evaluate.ope.fraction_intervals import Matched

MOST = 60
"""Names, those with a part in most draws first."""
TITLES, MEMBERS = 3, 30
"""That a name must have a part in, and members who were shown them."""


@dataclass(frozen=True)
class Represented:
    """One person or subject."""

    kind: str
    name: str
    titles: int
    """That it has a part in, and that have artwork with it and without."""
    draws: int
    part: float
    """In these titles: one of so many who are named there, on average over draws."""
    offered: float
    """Share of the candidates that show it: what even draws would have shown."""
    shown: float
    """Share of what was shown that showed it."""
    low: float
    high: float
    """95% interval of `shown`, members being what is independent."""
    most: str
    """Audience that was shown it most, of those surely apart from `shown`; empty: none is."""
    most_shown: float | None
    least: str
    least_shown: float | None


def represented(draws: LoggedDraws, catalogue: Catalogue, schema: Schema) -> list[Represented]:
    """People, and subjects that titles and artworks name alike, most drawn first.

    Args:
        draws: of a log.
        catalogue: that it is of.
        schema: what is declared.
    """
    place = {title: row for row, title in enumerate(catalogue.title_ids)}
    owner = np.array([place[title] for title in catalogue.artworks["title_id"].to_pylist()])
    found = list[Represented]()
    for kind, of_titles, of_artworks in _pairs(catalogue, schema):
        has = Counter(name for names in of_titles for name in names)
        there = {name for names in of_artworks for name in names or ()}
        known = np.array([names is not None for names in of_artworks])
        often = [name for name, _ in has.most_common() if name in there and has[name] >= TITLES]
        for name in often[: 4 * MOST]:
            part = np.array([1 / len(names) if name in names else 0.0 for names in of_titles])
            shows = np.array([name in (names or ()) for names in of_artworks])
            one = _one(draws, (kind, name), part[owner], shows, known)
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda one: -one.draws)[:MOST]


def _one(
    draws: LoggedDraws,
    named: tuple[str, str],
    part: Float[np.ndarray, " artworks"],
    shows: Bool[np.ndarray, " artworks"],
    known: Bool[np.ndarray, " artworks"],
) -> Represented | None:
    shares = [shows[rows].mean() if known[rows].all() else 0.0 for rows in draws.candidates]
    offered = np.array(shares)[draws.among]
    asked = (offered > 0) & (offered < 1) & (part[draws.artwork] > 0)
    shown = shows[draws.artwork]
    if not asked.any() or len(np.unique(draws.member[asked])) < MEMBERS:
        return None
    value, low, high = _fraction(draws, shown, asked)
    apart = list[tuple[float, str]]()
    for audience, inside in draws.audiences:
        if len(np.unique(draws.member[asked & inside])) >= MEMBERS:
            own, from_, to = _fraction(draws, shown, asked & inside)
            if to < low or from_ > high:
                apart.append((own, audience))
    more = max((one for one in apart if one[0] > value), default=None)
    less = min((one for one in apart if one[0] < value), default=None)
    return Represented(
        *named,
        len({draws.among[at] for at in np.flatnonzero(asked)}),
        int(asked.sum()),
        float(part[draws.artwork[asked]].mean()),
        float(offered[asked].mean()),
        value,
        low,
        high,
        more[1] if more else "",
        more[0] if more else None,
        less[1] if less else "",
        less[0] if less else None,
    )


def _fraction(
    draws: LoggedDraws, shown: Bool[np.ndarray, " draws"], part: Bool[np.ndarray, " draws"]
) -> tuple[float, float, float]:
    """Share of some draws that showed it, with an interval by members."""
    _, member = np.unique(draws.member[part], return_inverse=True)
    weight = np.bincount(member).astype(float)
    reward = np.bincount(member, shown[part].astype(float))
    matched = Matched.of(weight, reward, float(part.sum()))
    return (matched.value, *matched.interval())


def _pairs(
    catalogue: Catalogue, schema: Schema
) -> list[tuple[str, list[list[str]], list[list[str] | None]]]:
    """Sets of titles and of artworks that have names in common."""
    titles, artworks = catalogue.titles, catalogue.artworks
    sets = {fact.name: _declared(titles, fact.name) for fact in schema.titles if fact.kind == "set"}
    of_titles = {"genres": titles["genres"].to_pylist(), **sets}
    made = [("person", _once(titles["cast"].to_pylist()), artworks["cast_shown"].to_pylist())]
    for fact in schema.artworks:
        if fact.kind != "set":
            continue
        lists = _declared(artworks, fact.name)
        names = {name for row in lists for name in row or ()}
        for kind, of_title in of_titles.items():
            if names & {name for row in of_title for name in row or ()}:
                made.append((f"{fact.name}, {kind}", _once(of_title), lists))
    return made


def _declared(table: pa.Table, name: str) -> list[list[str] | None]:
    values = fact_values(own_column(table), name)
    lists: list[list[str] | None] = [[] if there else None for there in values.there]
    for row, code in zip(values.name_rows, values.codes, strict=True):
        lists[row] = [*(lists[row] or []), values.distinct[code]]
    return lists


def _once(lists: Sequence[Sequence[str] | None]) -> list[list[str]]:
    return [list(dict.fromkeys(names or ())) for names in lists]
