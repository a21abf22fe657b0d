"""`python -m evaluate troubles`: titles that want somebody's look, and why.

What a catalogue lacks is known without a log: a title with nothing to show, or with no picture for
a canvas or a language that others have. A log says which candidates nobody was ever shown, and
which titles are stuck: one artwork has nearly all of the draws of a title that has several. The
same is said of synopses, trailers and other kinds, where the log has them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from data import clock
from data.catalogue import Catalogue
from data.check.log_views import view_decisions
from data.errors import BadInput
from data.reading.duckdb_session import session
from data.records import TitleId
from evaluate.monitor.kind_troubles import OfDraws, troubles_of_kinds

Kind = Literal["nothing to show", "missing canvas", "missing language", OfDraws]
DRAWS = 200
"""Draws of a title, from which on it can be stuck, and a candidate be overlooked."""
SHARE = 0.98
"""Of a title's draws for one artwork, from which on it is stuck."""
USUAL = 0.5
"""Share of the titles from which on what they have is missed in others."""
COUNTS = """
SELECT title_id, action, count(*) AS draws, min(day) AS first_day, max(day) AS last_day
FROM d WHERE level = 'personalised' GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class TitleTrouble:
    """One thing about one title."""

    title_id: TitleId
    name: str
    kind: Kind
    where: str
    """Canvas, language, artwork or asset that it is about; empty: the title."""
    words: str


def troubles(
    catalogue: Path, log: Path | None = None, day: str | None = None
) -> list[TitleTrouble]:
    """Say which titles have nothing to show, lack a canvas or language, or are stuck.

    Args:
        catalogue: folder with titles.parquet and artworks.parquet.
        log: folder with decisions/, or Parquet of decisions; without it only the catalogue is
            looked at.
        day: that candidates are of, YYYY-MM-DD; today (UTC) if left out.
    """
    try:
        today = clock.today() if day is None else date.fromisoformat(day)
    except ValueError:
        raise BadInput(f"--day {day!r} is no date; write YYYY-MM-DD") from None
    held = Catalogue.read(catalogue)
    found = [*_nothing_to_show(held, today), *_missing_pictures(held, today)]
    if log is not None:
        found += _of_log(held, today, log)
    return found


def show(found: list[TitleTrouble]) -> None:
    """A line a trouble."""
    console = Console()
    if not found:
        console.print("no title wants a look")
        return
    table = Table("title", "trouble", "where", "what")
    for one in found:
        table.add_row(f"{one.title_id} {one.name}", one.kind, one.where, one.words)
    console.print(table)


def status(found: list[TitleTrouble]) -> int:
    """3 where a title has nothing to show; else 0."""
    return 3 if any(one.kind == "nothing to show" for one in found) else 0


def _names(held: Catalogue) -> dict[TitleId, str]:
    names = held.titles["name"].to_pylist()
    return {t: name or str(t) for t, name in zip(held.title_ids, names, strict=True)}


def _nothing_to_show(held: Catalogue, today: date) -> Iterable[TitleTrouble]:
    for title, name in _names(held).items():
        if held.candidates(title, today):
            continue
        words = "no artwork of it may be shown today; add one, or let a withdrawn one come back"
        yield TitleTrouble(title, name, "nothing to show", "", words)


def _missing_pictures(held: Catalogue, today: date) -> Iterable[TitleTrouble]:
    """Canvases, and languages of text, that most titles have a candidate for and some have not."""
    if held.images is None:
        return
    own = dict(zip(held.artwork_ids, held.pictures, strict=True))
    canvases, languages = dict[TitleId, set[str]](), dict[TitleId, set[str]]()
    for title in held.title_ids:
        pictures = [one for artwork in held.candidates(title, today) for one in own[artwork]]
        if pictures:
            canvases[title] = {one.canvas for one in pictures}
            # Artwork without text is for every language.
            free = any(one.language is None for one in pictures)
            spoken = {one.language for one in pictures if one.language is not None}
            languages[title] = {"*"} if free else spoken
    names = _names(held)
    for title, canvas in _lacking(canvases):
        words = f"no candidate has a picture for {canvas}, which most titles have"
        yield TitleTrouble(title, names[title], "missing canvas", canvas, words)
    for title, language in _lacking({t: s for t, s in languages.items() if s != {"*"}}):
        words = f"every picture has text, and none in {language}, which most such titles have"
        yield TitleTrouble(title, names[title], "missing language", language, words)


def _lacking(has: Mapping[TitleId, set[str]]) -> Iterable[tuple[TitleId, str]]:
    """Titles without what at least the usual share of them has."""
    counts = Counter(name for own in has.values() for name in own)
    usual = sorted(name for name, count in counts.items() if count >= USUAL * len(has))
    for title, own in has.items():
        for name in usual:
            if name not in own:
                yield title, name


def _of_log(held: Catalogue, today: date, log: Path) -> Iterable[TitleTrouble]:
    """Candidates that were overlooked, and titles that are stuck."""
    connection = session()
    view_decisions(connection, log, None)
    drawn = defaultdict[TitleId, dict[str, int]](dict)
    last = ""
    for title, action, draws, _, until in connection.sql(COUNTS).fetchall():
        drawn[title][action] = draws
        last = max(last, until)
    ids, added = held.artwork_ids, held.artworks["added_day"].to_pylist()
    since = dict(zip(ids, added, strict=True))
    for title, name in _names(held).items():
        counts, total = drawn.get(title, {}), sum(drawn.get(title, {}).values())
        today_s = held.candidates(title, today)
        if total < DRAWS or len(today_s) < 2:
            continue
        for artwork in today_s:
            seen_for_a_day = since[artwork] + timedelta(days=1) <= date.fromisoformat(last)
            if artwork not in counts and seen_for_a_day:
                words = f"a candidate since {since[artwork]}, and in none of {total:,} draws"
                yield TitleTrouble(title, name, "never shown", artwork, words)
        best = max(counts, key=counts.__getitem__)
        if counts[best] >= SHARE * total:
            share = counts[best] / total
            words = (
                f"{share:.1%} of {total:,} draws, of {len(today_s)} candidates; the others have"
                " little to gain, or too little is tried"
            )
            yield TitleTrouble(title, name, "stuck", best, words)
    names = _names(held)
    for one in troubles_of_kinds(connection, held, log, today, DRAWS, SHARE):
        name = names.get(one.title_id, str(one.title_id))
        yield TitleTrouble(one.title_id, name, one.what, one.asset, one.words)
