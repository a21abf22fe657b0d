"""All rules about a catalogue, indexed by title, so that a page pays for those it has to do with.

Pages whose asked facts are alike for every rule, at times between the same two changes of rules,
are one case: what rules do to a title is worked out once a case, and looked up from then on.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from jaxtyping import Int

from bandit.rules.decide import RuleEffects
from bandit.rules.effect import Contradiction, Effect, Touch, effect_of
from bandit.rules.rule import NO, YES, FactValue, Rule

CASES, CASE_TITLES = 10_000, 50_000_000
"""Cases kept, and titles of all of them together; more begin anew."""
MOST_EFFECTS = 100_000
"""Kept, where titles are fewer; more begin anew between two batches."""
FIRST_ROOM = 64
"""RuleEffects that there is room for at first."""
UNKNOWN, UNTOLD = 0, -1
BARE = -1
"""The place of what leaves a title nothing to show on a page that asks for less."""
ASKED = Rule("request", "deny", place="the request")
"""What decisions name that were made without artwork that their request left out."""


class RuledCase:
    """What rules do to each title for one kind of page; filled as titles are asked for."""

    def __init__(self, facts: Mapping[str, FactValue], now_us: int, codes: np.ndarray) -> None:
        self.facts, self.now_us = facts, now_us
        self.codes: Int[np.ndarray, " titles"] = codes
        """Place of each title's effect; 0: none; UNTOLD: not worked out yet."""


class RuleBook:
    """Rules about titles and their candidates.

    Args:
        rules: in the order of their file.
        about: for each rule the ordinals of the artwork that it is about.
        artwork_ids: of all titles, one after another.
        starts: where each title's candidates begin, and the end.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        about: Sequence[Sequence[int]],
        artwork_ids: Sequence[str],
        starts: Int[np.ndarray, " titles_and_one"],
    ) -> None:
        self.rules, self.artwork_ids, self.starts = tuple(rules), artwork_ids, starts
        self._about = [list(its) for its in about]
        self.ranks = int(np.diff(starts).max())
        self.touching = _by_title(rules, about, starts)
        self._untouched = np.zeros(len(starts) - 1, np.int32)
        self._untouched[list(self.touching)] = UNTOLD
        used = [rule for rule, its in zip(rules, about, strict=True) if len(its)]
        self.asked = tuple(dict.fromkeys(c.fact for rule in used for c in rule.where))
        """Facts that rules ask for, each once."""
        self._kinds = {fact: _Kinds.of(fact, used) for fact in self.asked}
        self.changes = sorted(
            {t for rule in used for t in (rule.start_us, rule.end_us) if t is not None}
        )
        """Moments at which a rule begins or ends."""
        self._cases: dict[tuple[int, ...], RuledCase] = {}
        self.begun = 0
        """Times that effects began anew: places of before mean nothing any more."""
        self._begin()

    def _begin(self) -> None:
        self._cases.clear()
        self._effects: list[Effect | None] = [None]
        self._slots: list[int] = [-1]
        self._places: dict[tuple[int, bytes, tuple[bool, ...]], int] = {}
        self._stacked = RuleEffects.of([None] * FIRST_ROOM, self.ranks)

    def make_room(self) -> None:
        """Begin effects anew where there are too many: between batches, whose places then end."""
        if len(self._places) >= max(MOST_EFFECTS, 4 * len(self._untouched)):
            self._begin()
            self.begun += 1

    def case(self, facts: Mapping[str, FactValue], now_us: int) -> RuledCase:
        """The case that a page is.

        Args:
            facts: of the page, those of `asked` that are known.
            now_us: microseconds since 1970-01-01 UTC.
        """
        key = (
            bisect_right(self.changes, now_us),
            *(kinds.of_value(facts.get(fact)) for fact, kinds in self._kinds.items()),
        )
        case = self._cases.get(key)
        if case is None:
            if len(self._cases) >= min(CASES, 1 + CASE_TITLES // len(self._untouched)):
                self._cases.clear()
            known = {fact: facts.get(fact) for fact in self.asked}
            case = self._cases[key] = RuledCase(known, now_us, self._untouched.copy())
        return case

    def codes(self, case: RuledCase, slots: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """Places in `effects` of what rules do to titles, by their slots; 0: nothing."""
        codes = case.codes[slots]
        if codes.min(initial=0) < 0:
            for slot in np.unique(slots[codes < 0]).tolist():
                case.codes[slot] = self._place(slot, case)
            codes = case.codes[slots]
        return codes

    def restricted(self, case: RuledCase, slot: int, left: tuple[bool, ...]) -> int:
        """Place in `effects` of what rules do to a title of which a page asks for less.

        Caps that what is left cannot keep give way.

        Args:
            case: that the page is.
            slot: of the title.
            left: of each candidate, whether the page may show it.

        Returns:
            BARE where nothing is left to show.
        """
        gone = tuple(rank for rank, there in enumerate(left) if not there)
        touching = [*self.touching.get(slot, ()), Touch(ASKED, gone)]
        states = [touch.rule.state(case.facts, case.now_us) for touch in touching[:-1]]
        key = (slot, bytes(states), left)
        place = self._places.get(key)
        if place is None:
            uncapped = [
                NO if touch.rule.effect == "cap" else state
                for touch, state in zip(touching, states, strict=False)
            ]
            place = BARE
            for some in (states, uncapped):
                with suppress(Contradiction):
                    place = self._put(slot, effect_of(self.names(slot), touching, [*some, YES]))
                    break
            self._places[key] = place
        return place

    def effect(self, code: int) -> Effect | None:
        """One effect; None of code 0."""
        return self._effects[code]

    def slot_of_effect(self, code: int) -> int:
        """The title that an effect is on."""
        return self._slots[code]

    @property
    def effects(self) -> RuleEffects:
        """All effects found so far, and room for more."""
        return self._stacked

    @property
    def about(self) -> list[tuple[Rule, list[int]]]:
        """Each rule with the ordinals that it is about, in the order of the rules."""
        return list(zip(self.rules, self._about, strict=True))

    def names(self, slot: int) -> Sequence[str]:
        """Artwork ids of a title's candidates."""
        return self.artwork_ids[int(self.starts[slot]) : int(self.starts[slot + 1])]

    def _place(self, slot: int, case: RuledCase) -> int:
        touching = self.touching[slot]
        states = [touch.rule.state(case.facts, case.now_us) for touch in touching]
        key = (slot, bytes(states), ())
        place = self._places.get(key)
        if place is None:
            effect = effect_of(self.names(slot), touching, states)
            place = self._places[key] = self._put(slot, effect)
        return place

    def _put(self, slot: int, effect: Effect | None) -> int:
        """The place that an effect gets; 0: there is none."""
        if effect is None:
            return 0
        place = len(self._effects)
        self._effects.append(effect)
        self._slots.append(slot)
        if place == len(self._stacked.words):
            self._stacked = self._stacked.with_room()
        self._stacked.put(place, effect)
        return place


class _Kinds:
    """Values of one fact that no rule tells apart have one number."""

    def __init__(self, named: Mapping[FactValue, int], edges: Sequence[float]) -> None:
        self._named, self._edges = named, edges

    @classmethod
    def of(cls, fact: str, rules: Sequence[Rule]) -> "_Kinds":
        asks = [c for rule in rules for c in rule.where if c.fact == fact]
        values = dict.fromkeys(value for ask in asks for value in ask.values)
        edges = {edge for ask in asks for edge in (ask.least, ask.most) if edge is not None}
        return cls({value: at for at, value in enumerate(values, start=2)}, sorted(edges))

    def of_value(self, value: FactValue) -> int:
        if value is None:
            return UNKNOWN
        named = self._named.get(value, 1)
        if not self._edges or isinstance(value, str):
            return named
        # Two numbers a value: between which bounds it lies, and whether it is one of them.
        at = bisect_right(self._edges, value)
        on = at > 0 and self._edges[at - 1] == value
        return named + (len(self._named) + 2) * (2 * at + on)


def _by_title(
    rules: Sequence[Rule],
    about: Sequence[Sequence[int]],
    starts: Int[np.ndarray, " titles_and_one"],
) -> dict[int, list[Touch]]:
    """Slot → the rules about its candidates, in their order."""
    touching: dict[int, list[Touch]] = {}
    for rule, ordinals in zip(rules, about, strict=True):
        slots = np.searchsorted(starts, np.asarray(ordinals, np.int64), side="right") - 1
        ranks: dict[int, list[int]] = {}
        for ordinal, slot in zip(ordinals, slots.tolist(), strict=True):
            ranks.setdefault(slot, []).append(int(ordinal - starts[slot]))
        for slot, its in ranks.items():
            touching.setdefault(slot, []).append(Touch(rule, tuple(its)))
    return touching
