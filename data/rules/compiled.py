"""Written rules held against what a catalogue shows: an index, or a sentence that says why not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from jaxtyping import Int

from bandit.rules.book import RuleBook
from bandit.rules.contradictions import OTHER, Conflict, conflicts
from bandit.rules.rule import FactValue
from data.errors import BadInput
from data.records import TitleId
from data.rules.traits import ArtworkTraits
from data.rules.written import WrittenRule


def rule_book(
    rules: Sequence[WrittenRule],
    traits: ArtworkTraits,
    title_ids: Sequence[TitleId],
    artwork_ids: Sequence[str],
    starts: Int[np.ndarray, " titles_and_one"],
    strict: bool = True,
) -> RuleBook:
    """Rules about the artwork that is shown, without contradictions.

    Args:
        rules: as written.
        traits: of the whole catalogue.
        title_ids: that are shown.
        artwork_ids: their candidates, title by title.
        starts: where each title's candidates begin, and the end.
        strict: refuse rules that name what the catalogue does not have: as they are written, and
            not when an artwork goes later.

    Raises:
        BadInput: rules contradict each other, or name what is not there: by both, with their lines
            and what to do.
    """
    ordinal_of = {
        (str(title_ids[slot]), artwork_ids[at]): at
        for slot in range(len(title_ids))
        for at in range(int(starts[slot]), int(starts[slot + 1]))
    }
    shown_at = [
        ordinal_of.get((str(title), artwork), -1)
        for title, artwork in zip(traits.title_ids, traits.artwork_ids, strict=True)
    ]
    about = []
    for written in rules:
        wrong = traits.unknown(written.target) if strict else None
        if wrong is not None:
            raise BadInput(f"{written.rule.name}: {wrong}; mend the rule or the catalogue")
        rows = traits.rows(written.target)
        about.append(sorted(shown_at[row] for row in rows if shown_at[row] >= 0))
    book = RuleBook([written.rule for written in rules], about, artwork_ids, starts)
    try:
        for conflict in conflicts(book):
            raise BadInput(_words(conflict, title_ids[conflict.slot]))
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(str(error)) from None
    return book


def _words(conflict: Conflict, title: TitleId) -> str:
    """A contradiction in a sentence."""
    names = [rule.name for rule in conflict.rules]
    several = " and ".join(names) if len(names) > 1 else names[0]
    facts = page_words(conflict.facts)
    when = "" if conflict.now_us is None else f" at {minute_words(conflict.now_us)}"
    remedy = "let their `where` or their times exclude each other, or take one out"
    if len(names) == 1:
        remedy = "narrow its `where`, or take it out"
    what = conflict.what
    if len(names) == 1:
        what = what.replace("together they leave", "it leaves")
    contradict = "contradict each other" if len(names) > 1 else "cannot hold"
    return f"{several} {contradict} for title {title!r}{facts}{when}: {what}; {remedy}"


def page_words(facts: Mapping[str, FactValue]) -> str:
    """Where a page has these facts, as a clause; empty where it need have none."""
    said = [
        f"{fact} is {'any other' if value == OTHER else value}"
        for fact, value in facts.items()
        if value is not None
    ]
    return f" where {' and '.join(said)}" if said else ""


def minute_words(now_us: int) -> str:
    """A moment to the minute, in UTC."""
    return datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%MZ")
