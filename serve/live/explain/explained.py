"""How an explanation is made: the page decided as live does, then what each fact moved."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from jaxtyping import Float

from bandit.choice import profile_keys, title_words
from bandit.draws import epoch_stagger
from bandit.rules.effect import Effect
from data.days import date_of
from data.reading.facts_json import facts_array
from data.records import TitleId
from serve.live.explain.contributions import Contributions, contributions
from serve.live.explain.explanation import ExplainedCandidate, Explanation, FactShare
from serve.live.explain.words import spoken
from serve.live.page_request import PageRequest
from serve.live.shown.page_decisions import PageDecisions
from serve.live.snapshot import LiveModel


class ShownDraw(NamedTuple):
    """What a page shows where it was drawn before and goes on."""

    artwork_id: str
    decision_id: str
    propensity: float
    level: str


def explain(
    model: LiveModel, page: PageRequest, now_us: int, mapped: ShownDraw | None = None
) -> Explanation:
    """Why a page of one title shows what it shows.

    Args:
        model: in use.
        page: of one title.
        now_us: when, in microseconds since 1970-01-01: rules have their times.
        mapped: the draw of the member's map that the page goes on with; None: it draws live.

    Raises:
        ValueError: nothing of the title is shown, or the model reads no features.
    """
    return finished(model, page, decided_page(model, page, now_us, mapped))


class DecidedPage(NamedTuple):
    """What of an explanation is deciding: quick, and done where pages are decided."""

    explanation: Explanation
    facts: pa.StructArray
    ordinals: tuple[int, int] | None
    """Of the shown artwork and the next; None: there is no other."""


def decided_page(
    model: LiveModel, page: PageRequest, now_us: int, mapped: ShownDraw | None = None
) -> DecidedPage:
    """The page as it is decided, its facts' parts still to come; arguments as `explain`.

    Raises:
        ValueError: as `explain`.
    """
    [title] = page.title_ids
    if title not in model.slot_of:
        raise ValueError(f"title {title!r:.60} has no artwork that can be shown now")
    facts = facts_array([page.facts])
    [decided] = model.decide([page], facts, now_us)
    if not decided.title_ids:
        raise ValueError(f"nothing of title {title!r:.60} may be shown on this page")
    slot, layout = decided.slots[0], model.layout
    start, count = int(layout.starts[slot]), int(layout.counts[slot])
    names = layout.artwork_ids[start : start + count]
    chances = decided.probabilities[0, :count]
    effect = _effect(model, decided.ruled)
    said = _logged(model, decided)
    drawn = names[decided.ordinals[0] - start]
    draw = ShownDraw(drawn, decided.decision_ids[0], decided.propensities[0], said.level)
    if mapped is not None and mapped.artwork_id in names:
        draw = mapped
    rank = names.index(draw.artwork_id)
    others = [at for at in range(count) if at != rank and names[at] in said.candidates]
    other = max(others, key=lambda at: chances[at], default=None)
    first, last = _days(model, page, title, decided.epochs[0])
    policy = model.policy.head_policy
    explanation = Explanation(
        profile_id=page.profile_id,
        title_id=title,
        bundle=model.policy.bundle,
        policy=policy.kind,
        epsilon=policy.exploration,
        shown=draw.artwork_id,
        source="live" if draw is not mapped else "map",
        level=draw.level,
        decision_id=draw.decision_id,
        propensity=draw.propensity,
        next=None if other is None else names[other],
        candidates=_candidates(names, rank, chances, said, effect),
        rules=said.rules,
        difference=0.0,
        nobody=0.0,
        facts=[],
        exact=True,
        deviation=0.0,
        heads_for=1.0,
        drawn_from=first,
        drawn_until=last,
    )
    ordinals = None if other is None else (start + rank, start + other)
    return DecidedPage(explanation, facts, ordinals)


def finished(model: LiveModel, page: PageRequest, decided: DecidedPage) -> Explanation:
    """An explanation with what facts moved, and its words; asks the model's graphs alone."""
    made = decided.explanation
    if decided.ordinals is not None:
        found = contributions(model, decided.facts, *decided.ordinals)
        made = replace(
            made,
            difference=found.difference,
            nobody=found.nobody,
            facts=_shares(found),
            exact=found.exact,
            deviation=float(found.heads.std()),
            heads_for=float((found.heads > 0).mean()),
        )
    return replace(made, words=spoken(made))


def _shares(found: Contributions) -> list[FactShare]:
    shares = [
        FactShare(part.fact, part.value, float(adds), float(error))
        for part, adds, error in zip(found.parts, found.adds, found.errors, strict=True)
        if adds or error
    ]
    return sorted(shares, key=lambda share: -abs(share.adds))


class _Logged(NamedTuple):
    """What the log says of a decision that rules, and what the page asks for, may change."""

    candidates: list[str]
    """That are left."""
    rules: list[str]
    level: str
    strangers: str
    """Artwork that members of whom nothing is known are shown."""


def _logged(model: LiveModel, decided: PageDecisions) -> _Logged:
    said = model.logged(decided)
    candidates, rules = (
        orjson.loads(orjson.dumps(said[name][0])) if name in said else []
        for name in ("candidates", "rules")
    )
    level = str(said["level"][0]) if "level" in said else "personalised"
    strangers = model.fallback[decided.title_ids[0]].artwork_id
    return _Logged(candidates, rules or [], level, strangers)


def _candidates(
    names: Sequence[str],
    shown: int,
    chances: Float[np.ndarray, " ranks"],
    said: _Logged,
    effect: Effect | None,
) -> list[ExplainedCandidate]:
    """A title's candidates, the likeliest first."""
    found = [
        ExplainedCandidate(
            name,
            float(chances[at]),
            at == shown,
            name in said.candidates,
            0.0 if effect is None else float(effect.floors[at]),
            1.0 if effect is None else float(effect.caps[at]),
            name == said.strangers,
        )
        for at, name in enumerate(names)
    ]
    return sorted(found, key=lambda one: -one.probability)


def _effect(model: LiveModel, codes: Sequence[int] | None) -> Effect | None:
    if model.rules is None or codes is None:
        return None
    return model.rules.book.effect(codes[0]) if codes[0] else None


def _days(model: LiveModel, page: PageRequest, title: TitleId, epoch: int) -> tuple[str, str]:
    """First day of a draw's epoch, and the day after its last."""
    days = model.epochs.days
    words = title_words(np.array([title]))
    stagger = int(epoch_stagger(profile_keys([page.profile_id]), words, days)[0])
    first = epoch * days - stagger
    if page.fresh:
        first = page.day
        days = 1
    return date_of(first).isoformat(), date_of(first + days).isoformat()
