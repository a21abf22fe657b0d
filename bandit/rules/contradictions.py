"""Rules that cannot hold together: found before they are used, for whom and when.

For each title every case that its rules tell apart is looked at: kinds of values of the facts that
they ask for, times between their beginnings and ends. What is not known needs no case of its own:
whatever holds then holds for some value of the fact as well (`bandit.rules.effect`).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from bandit.rules.book import RuleBook
from bandit.rules.effect import Contradiction, Touch, effect_of
from bandit.rules.rule import NO, YES, Condition, FactValue, Rule

MOST_CASES = 2_000_000
"""Of one title: as many are looked at."""
OTHER = "\0other"
"""A text that no rule names."""


class Conflict(NamedTuple):
    """Rules that contradict each other about one title."""

    slot: int
    rules: tuple[Rule, ...]
    """As few as contradict each other: mostly two."""
    what: str
    facts: dict[str, FactValue]
    """Of a page at which they do."""
    now_us: int | None
    """When; None: always."""


def conflicts(
    book: RuleBook, slots: Iterable[int] | None = None, most: int = MOST_CASES
) -> Iterator[Conflict]:
    """Contradictions of a book's rules, the first of each title.

    Args:
        book: of the rules.
        slots: of titles that are looked at; None: all.
        most: cases of one title that are looked at.

    Raises:
        ValueError: rules about one title tell more cases apart than can be looked at.
    """
    for slot in sorted(book.touching if slots is None else slots):
        found = _conflict(slot, book.names(slot), book.touching.get(slot, []), most)
        if found is not None:
            yield found


def _conflict(
    slot: int, names: Sequence[str], touching: Sequence[Touch], most: int
) -> Conflict | None:
    rules = [touch.rule for touch in touching]
    facts = list(dict.fromkeys(c.fact for rule in rules for c in rule.where))
    values = [_values([c for r in rules for c in r.where if c.fact == fact]) for fact in facts]
    times = _times(rules)
    shape = (*map(len, values), len(times))
    if np.prod([float(size) for size in shape]) * len(rules) > most:
        raise ValueError(
            f"{rules[0].name} and {len(rules) - 1} others about one title tell more than "
            f"{most // len(rules):,} cases apart; write some of them as one"
        )
    held = np.stack([_held(rule, facts, values, times).reshape(-1) for rule in rules])
    kinds, first = np.unique(held, axis=1, return_index=True)
    for states, cell in zip(kinds.T.tolist(), first.tolist(), strict=True):
        given = [YES if state else NO for state in states]
        what = _contradicted(names, touching, given)
        if what is None:
            continue
        few = _fewest(names, touching, given)
        *at, when = (int(i) for i in np.unravel_index(cell, shape))
        shown = {fact: values[i][at[i]] for i, fact in enumerate(facts)}
        asked = {c.fact for touch, _ in few for c in touch.rule.where}
        what = _contradicted(names, [t for t, _ in few], [s for _, s in few]) or what
        return Conflict(
            slot,
            tuple(touch.rule for touch, _ in few),
            what,
            {fact: value for fact, value in shown.items() if fact in asked},
            times[when] if len(times) > 1 else None,
        )
    return None


def _contradicted(
    names: Sequence[str], touching: Sequence[Touch], states: Sequence[int]
) -> str | None:
    """Why rules cannot hold together; None: they can."""
    try:
        effect_of(names, touching, states)
    except Contradiction as error:
        return str(error)
    return None


def _fewest(
    names: Sequence[str], touching: Sequence[Touch], states: Sequence[int]
) -> list[tuple[Touch, int]]:
    """The rules without any of which there would be no contradiction."""
    left = list(zip(touching, states, strict=True))
    for one in list(left):
        rest = [other for other in left if other is not one]
        if _contradicted(names, [t for t, _ in rest], [s for _, s in rest]) is not None:
            left = rest
    return left


def _values(asks: Sequence[Condition]) -> list[FactValue]:
    """A value of each kind that conditions tell apart, one that none names first."""
    named = dict.fromkeys(value for ask in asks for value in sorted(ask.values, key=str))
    edges = sorted({e for ask in asks for e in (ask.least, ask.most) if e is not None})
    between = [(a + b) / 2 for a, b in pairwise(edges)]
    beyond = [edges[0] - 1, edges[-1] + 1] if edges else []
    alike: dict[tuple[bool, ...], FactValue] = {}
    for value in (OTHER, *named, *edges, *between, *beyond):
        alike.setdefault(tuple(ask.holds(value) for ask in asks), value)
    return list(alike.values())


def _times(rules: Sequence[Rule]) -> list[int]:
    """A moment between any two changes."""
    changes = {t for rule in rules for t in (rule.start_us, rule.end_us) if t is not None}
    return [min(changes) - 1, *sorted(changes)] if changes else [0]


def _held(
    rule: Rule, facts: Sequence[str], values: Sequence[Sequence[FactValue]], times: Sequence[int]
) -> Bool[np.ndarray, "..."]:
    """Whether a rule holds in each case: facts × times."""
    held = np.array([rule.in_time(now) for now in times])
    for fact, kinds in zip(reversed(facts), reversed(values), strict=True):
        asks = [c for c in rule.where if c.fact == fact]
        met = np.array([all(ask.holds(value) for ask in asks) for value in kinds])
        held = met.reshape(-1, *[1] * held.ndim) & held
    return held
