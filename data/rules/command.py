"""`python -m data rules FILE`: what rules come to, or why they cannot hold."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from bandit.rules.book import RuleBook
from bandit.rules.effect import FREE
from bandit.rules.rule import YES, FactValue
from data import clock
from data.catalogue import Catalogue
from data.days import DAY_US, date_of, moment_us
from data.errors import BadInput
from data.records import TitleId
from data.rules.compiled import minute_words
from data.rules.compiled_catalogue import book_of_catalogue
from data.rules.files import read_rules
from data.rules.written import WrittenRules
from data.schema.named_value import named_value
from data.schema.schema import SHIPPED, Schema, read_schema


@dataclass(frozen=True)
class AppliedRule:
    """A rule, how many titles it is about, and whether it holds for the page asked for."""

    id: str
    effect: str
    titles: int
    artworks: int
    holds: str
    """yes, no, or in doubt: a fact that it asks for was not given."""
    place: str
    who: str
    why: str


@dataclass(frozen=True)
class RuledCandidate:
    """An artwork after rules."""

    artwork_id: str
    allowed: bool
    pinned: bool
    floor: float
    cap: float


@dataclass(frozen=True)
class RuledTitle:
    """What rules make of one title's candidates."""

    title_id: TitleId
    rules: list[str]
    candidates: list[RuledCandidate]


@dataclass(frozen=True)
class RulesReport:
    """Rules that contradict each other nowhere, and what they do for a page."""

    rules: int
    at: str
    titles_changed: int
    """Titles whose candidates or probabilities they change, for the page asked for."""
    applied: list[AppliedRule] = field(default_factory=list)
    titles: list[RuledTitle] = field(default_factory=list)
    """Those asked for, or the first that are changed."""


def rules(
    file: Path,
    catalogue: Path = Path("artifacts/catalogue"),
    facts: list[str] | None = None,
    titles: list[str] | None = None,
    at: str | None = None,
) -> RulesReport:
    """Check rules against a catalogue, and print what they do for a page.

    Args:
        file: rules.yaml.
        catalogue: Folder with titles.parquet and artworks.parquet; facts of its schema.yaml may be
            asked for.
        facts: Of the page, with spaces between, as country=DE device=tv; what is not given is not
            known.
        titles: Title ids to show, with spaces between; the first that rules change when left out.
        at: Moment, ISO 8601 with a zone; now when left out.
    """
    schema, shown = read_schema(catalogue), Catalogue.read(catalogue)
    written = read_rules(file, schema)
    now_us = clock.now_us() if at is None else _moment(at)
    book, ids = book_of_catalogue(written, shown, date_of(now_us // DAY_US))
    page = _facts(facts or [], schema)
    codes = book.codes(book.case(page, now_us), np.arange(len(ids)))
    changed = [ids[slot] for slot in np.flatnonzero(codes).tolist()]
    slot_of = {str(title): slot for slot, title in enumerate(ids)}
    wanted = [str(title) for title in changed[:5]] if titles is None else titles
    if strange := [title for title in wanted if title not in slot_of]:
        raise BadInput(
            f"--titles {strange[0]}: the catalogue shows no such title that day; write ids with "
            "spaces between"
        )
    return RulesReport(
        len(written.rules),
        minute_words(now_us),
        len(changed),
        _applied(written, book, page, now_us),
        [_title(book, ids, slot_of[title], int(codes[slot_of[title]])) for title in wanted],
    )


def show(report: RulesReport) -> None:
    """Print a report for people."""
    print(f"{report.rules} rules; {report.titles_changed} titles change at {report.at}")
    for rule in report.applied:
        about = f"{rule.artworks} artworks of {rule.titles} titles"
        print(f"  {rule.id}: {rule.effect}, {about}, holds: {rule.holds} ({rule.who}: {rule.why})")
    for title in report.titles:
        print(f"title {title.title_id}: {', '.join(title.rules) or 'no rule changes it'}")
        for one in title.candidates:
            print(f"  {one.artwork_id}: {_state(one, title.candidates)}")


def _state(one: RuledCandidate, candidates: list[RuledCandidate]) -> str:
    pinned = next((other.artwork_id for other in candidates if other.pinned), None)
    if one.pinned:
        return "pinned"
    if not one.allowed:
        return "not shown"
    if pinned is not None:
        return f"not shown while {pinned} is pinned"
    bounded = (one.floor, one.cap) != (0, 1)
    return "may be shown" + (f", drawn from {one.floor:g} to {one.cap:g}" if bounded else "")


def _applied(
    written: WrittenRules, book: RuleBook, page: dict[str, FactValue], now_us: int
) -> list[AppliedRule]:
    titles, artworks = dict[str, int](), dict[str, int]()
    for touching in book.touching.values():
        for rule, ranks in touching:
            titles[rule.id] = titles.get(rule.id, 0) + 1
            artworks[rule.id] = artworks.get(rule.id, 0) + len(ranks)
    words = ("no", "in doubt", "yes")
    assert words[YES] == "yes"
    return [
        AppliedRule(
            rule.id,
            rule.effect if rule.share is None else f"{rule.effect} {rule.share:g}",
            titles.get(rule.id, 0),
            artworks.get(rule.id, 0),
            words[rule.state(page, now_us)],
            rule.place,
            rule.who,
            rule.why,
        )
        for rule in (one.rule for one in written.rules)
    ]


def _title(book: RuleBook, ids: list[TitleId], slot: int, code: int) -> RuledTitle:
    effect, names = book.effect(code), book.names(slot)
    if effect is None:
        free = [RuledCandidate(name, True, False, 0.0, 1.0) for name in names]
        return RuledTitle(ids[slot], [], free)
    ranks = range(len(names))
    pinned = effect.pinned
    return RuledTitle(
        ids[slot],
        list(effect.rules),
        [
            RuledCandidate(
                names[rank],
                bool(effect.allowed[rank]),
                pinned != FREE and rank == pinned,
                float(effect.floors[rank]),
                float(effect.caps[rank]),
            )
            for rank in ranks
        ],
    )


def _facts(given: list[str], schema: Schema) -> dict[str, FactValue]:
    """Facts of a page as options have them.

    Raises:
        BadInput: no NAME=VALUE, or of no fact that rules may ask for.
    """
    kinds = {fact.name: fact.kind for fact in (*SHIPPED.facts, *schema.facts)}
    facts: dict[str, FactValue] = {}
    for text in given:
        name, value = named_value(text)
        if kinds.get(name) not in ("category", "number"):
            there = ", ".join(k for k, kind in kinds.items() if kind in ("category", "number"))
            raise BadInput(f"--facts {text}: rules know no fact {name!r}; there are {there}")
        try:
            facts[name] = float(value) if kinds[name] == "number" else value
        except ValueError:
            raise BadInput(f"--facts {text}: {name} is a number") from None
    return facts


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"--at {text}: write a moment and its zone, as 2026-04-01T00:00+02:00")
    return moment_us(moment)
