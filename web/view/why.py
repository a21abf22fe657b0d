"""Why a member sees this artwork of a title: probabilities of all, and what each fact changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from data import clock
from data.days import DAY_US
from data.records import FACTS, TitleId
from evaluate.explain.command import known_of
from serve.live.explain.explained import decided_page, finished
from serve.live.explain.explanation import Explanation
from serve.live.page_request import PageRequest
from serve.live.snapshot import PageDecisions
from web.view.catalogue_view import CatalogueView
from web.view.home_preview import ONE, Looker, decide, title_chances
from web.view.members import Member
from web.view.policies import OtherChoice, other_choices

FACTS_SHOWN = 10
"""Facts whose weight is said, those of most weight first."""
NAMES_OF_A_FACT = 4
"""Names of one fact that are taken away one by one: those that count most."""


@dataclass(frozen=True)
class Candidate:
    """One artwork of the title."""

    artwork_id: str
    probability: float
    """That a draw shows it to this member."""
    shown: bool
    unpersonalised: bool
    """Whether it is what members of whom nothing is known see."""


@dataclass(frozen=True)
class FactWeight:
    """What one fact changes."""

    fact: str
    without: float
    """Probability of the shown artwork, were the fact not known."""
    change: float
    """The present probability less that one."""


@dataclass(frozen=True)
class Why:
    """Why a member sees what they see of a title."""

    bundle: str
    member: Looker
    title_id: TitleId
    name: str
    policy: str
    epsilon: float
    candidates: list[Candidate]
    facts: list[FactWeight]
    rules: list[str]
    """Names of the rules that changed it."""
    parts: Explanation | None
    """What the artwork itself and each fact add to the shown one's score over the next, as
    `/v1/explain` has it; None: there is no other, or the model reads no features."""
    others: list[OtherChoice]
    """What other policies would show."""
    pixels: bool
    """Whether the bundle sees images, so that parts of them count."""


def why(view: CatalogueView, member: Member, title: TitleId, examples: Path | None = None) -> Why:
    """Probabilities of all candidates, and how the shown one's would be without each fact.

    Facts work together, so their changes need not add up: each is what would be if that one alone
    were not known.

    Args:
        view: of what is published.
        member: who looks.
        title: at which title.
        examples: joined examples, which say what earned most; None: no log is known.
    """
    model = view.model
    slot = model.slot_of[title]
    start, count = int(model.layout.starts[slot]), int(model.layout.counts[slot])
    decided = decide(view, member, [title])
    shown = decided.ordinals[0] - start
    named = list(_without_each(member.facts))
    facts = pa.array([member.facts[0].as_py(), *(rest for _, rest in named)], FACTS)
    chances = title_chances(view, facts, title)
    fallback = model.fallback[title].artwork_id
    candidates = [
        Candidate(
            model.layout.artwork_ids[start + rank],
            float(chances[0, rank]),
            rank == shown,
            model.layout.artwork_ids[start + rank] == fallback,
        )
        for rank in range(count)
    ]
    now = float(chances[0, shown])
    weights = [
        FactWeight(name, float(row[shown]), now - float(row[shown]))
        for (name, _), row in zip(named, chances[1:], strict=True)
    ]
    weights.sort(key=lambda weight: -abs(weight.change))
    policy = model.policy.head_policy
    return Why(
        model.policy.bundle,
        Looker.of(member),
        title,
        view.titles[title].name,
        policy.kind,
        policy.exploration,
        sorted(candidates, key=lambda candidate: -candidate.probability),
        weights[:FACTS_SHOWN],
        rules_of(view, decided),
        _parts(view, member, title),
        other_choices(view, member, title, model.layout.artwork_ids[start + shown], examples),
        view.sees,
    )


def _parts(view: CatalogueView, member: Member, title: TitleId) -> Explanation | None:
    now_us = clock.now_us()
    known = known_of(member.facts[0].as_py() or {})
    page = PageRequest(member.profile_id, [title], now_us // DAY_US, 0, known)
    try:
        with ONE:
            decided = decided_page(view.model, page, now_us)
        made = finished(view.model, page, decided)
    except ValueError:
        return None
    return None if made.next is None else made


def rules_of(view: CatalogueView, decided: PageDecisions) -> list[str]:
    """Names of the rules that changed the first title of a page."""
    if view.model.rules is None or not decided.ruled:
        return []
    effect = view.model.rules.book.effect(decided.ruled[0])
    return [] if effect is None else sorted(rule for rule in effect.rules)


def _without_each(facts: pa.StructArray) -> Iterator[tuple[str, dict[str, object]]]:
    """Each thing that is known of a member in words, and the facts without it."""
    known = facts[0].as_py() or {}
    for name, value in known.items():
        if value is None or (isinstance(value, list) and not value):
            continue
        words = name.replace("_", " ")
        if name == "own":
            for at, (own, held) in enumerate(value):
                rest = [*value[:at], *value[at + 1 :]]
                yield f"{own.replace('_', ' ')}: {_held(held)}", {**known, name: rest}
        elif isinstance(value, list):  # counts
            most = sorted(value, key=lambda pair: -pair[1])[:NAMES_OF_A_FACT]
            for one, much in most:
                rest = [pair for pair in value if pair[0] != one]
                yield f"{words}: {one} {much:g}", {**known, name: rest}
            if len(value) > 1:
                yield f"all of {words}", {**known, name: None}
        else:
            said = f"{value:.0f}" if isinstance(value, float) else str(value)
            yield f"{words}: {said}", {**known, name: None}


def _held(held: dict[str, list]) -> str:
    """What a fact of the user's own holds, in a few words."""
    names, numbers = held["names"] or [], held["numbers"] or []
    if names and numbers:
        pairs = sorted(zip(names, numbers, strict=False), key=lambda pair: -pair[1])
        return ", ".join(f"{name} {number:g}" for name, number in pairs[:NAMES_OF_A_FACT])
    if names:
        return ", ".join(names[:NAMES_OF_A_FACT])
    return ", ".join(f"{number:g}" for number in numbers[:NAMES_OF_A_FACT])
