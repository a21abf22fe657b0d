"""Rules that come and go by the hour, and what they ask for, worked out the plainest way.

The oracle knows nothing of indices, cases or words: it reads a rule, a page and a clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data.days import HOUR_US
from data.rules.compiled import minute_words

RANKS = 6
"""Candidates of every title; those below LEFT are never taken away, so rules never contradict."""
LEFT = 3
CONDITIONS: tuple[tuple[str, str], ...] = (
    ("country", "DE"),
    ("country", "FR"),
    ("language", "de"),
    ("surface", "home"),
    ("maturity", "{most: 12}"),
    ("", ""),
)
EFFECTS = ("allow", "deny", "pin", "floor", "cap")
SHARES = {"floor": 0.3, "cap": 0.1}
ABOUT = {"allow": 3, "deny": 4, "floor": 1, "cap": 2}
"""Rank that a rule of each effect is about; a pin's goes by its title, so two never differ."""
NEW, HOURS = 4, 12
"""Rules that begin each hour, and the longest that one holds."""

Facts = Mapping[str, str | float | None]


class HourlyRule(NamedTuple):
    """One rule of an hour."""

    name: str
    effect: str
    title: int
    rank: int
    fact: str
    value: str
    begins: int
    """Hour; it is written at that hour or before."""
    ends: int

    def text(self, artwork: str, start_us: int) -> str:
        """As `rules.yaml` has it."""
        lines = [f"effect: {self.effect}", f"about: {{artwork: {artwork}}}"]
        lines += [f"where: {{{self.fact}: {self.value}}}"] if self.fact else []
        lines += [f"share: {SHARES[self.effect]}"] if self.effect in SHARES else []
        for word, hour in (("from", self.begins), ("until", self.ends)):
            lines.append(f"{word}: {minute_words(start_us + hour * HOUR_US)}")
        lines += ["who: the benchmark", "why: to see that it holds"]
        return f"  {self.name}:\n" + "".join(f"    {line}\n" for line in lines)

    def state(self, facts: Facts, hour: float) -> str:
        """Whether it holds for a page: yes, no, or perhaps."""
        if not self.begins <= hour < self.ends:
            return "no"
        if not self.fact:
            return "yes"
        known = facts.get(self.fact)
        if known is None:
            return "perhaps"
        holds = float(known) <= 12 if self.fact == "maturity" else known == self.value
        return "yes" if holds else "no"


def begun_rules(hour: int, titles: int, rng: np.random.Generator) -> list[HourlyRule]:
    """Rules of this hour, of every effect in turn."""
    rules = []
    for at in range(NEW):
        effect = EFFECTS[(hour * NEW + at) % len(EFFECTS)]
        title = int(rng.integers(titles))
        rank = title % LEFT if effect == "pin" else ABOUT[effect]
        if effect == "deny":
            rank += int(rng.integers(2))
        fact, value = CONDITIONS[int(rng.integers(len(CONDITIONS)))]
        ends = hour + 1 + int(rng.integers(HOURS))
        rules.append(HourlyRule(f"h{hour}-{at}", effect, title, rank, fact, value, hour, ends))
    return rules


def rules_text(rules: Iterable[HourlyRule], artworks: Sequence[str], start_us: int) -> str:
    """A file of rules; artwork `RANKS · title + rank` has the name of that place."""
    return "rules:\n" + "".join(
        rule.text(artworks[rule.title * RANKS + rule.rank], start_us) for rule in rules
    )


class Wanted(NamedTuple):
    """What rules ask for of one title on one page."""

    candidates: list[int]
    pinned: int | None
    floors: dict[int, float]
    caps: dict[int, float]

    @staticmethod
    def of(rules: Iterable[HourlyRule], title: int, facts: Facts, hour: float) -> "Wanted":
        """By reading the rules one by one."""
        its = [rule for rule in rules if rule.title == title]
        states = [(rule, rule.state(facts, hour)) for rule in its]
        gone = {r.rank for r, state in states if r.effect == "deny" and state != "no"}
        asked = {r.rank for r, _ in states if r.effect == "allow"}
        given = {r.rank for r, state in states if r.effect == "allow" and state == "yes"}
        left = [rank for rank in range(RANKS) if rank not in gone | (asked - given)]
        pins = [r.rank for r, s in states if r.effect == "pin" and s == "yes" and r.rank in left]
        if pins:
            return Wanted(left, pins[0], {}, {})
        floors = {r.rank: SHARES["floor"] for r, s in states if r.effect == "floor" and s == "yes"}
        caps = {r.rank: SHARES["cap"] for r, s in states if r.effect == "cap" and s != "no"}
        return Wanted(left, None, floors, caps)

    def breaches(self, row: Mapping[str, object], names: Sequence[str]) -> list[str]:
        """What a decision's row has otherwise.

        Args:
            row: of the log.
            names: of the title's candidates.
        """
        found = []
        candidates, chances = row["candidates"], row["probabilities"]
        assert isinstance(candidates, list)
        if candidates != [names[rank] for rank in self.candidates]:
            found.append("candidates")
        if row["action"] not in candidates:
            found.append("action")
        if (row["level"] == "pinned") != (self.pinned is not None):
            found.append("level")
        if self.pinned is not None and row["action"] != names[self.pinned]:
            found.append("pin")
        if row["policy"] == "fallback":
            return found  # nothing was drawn
        assert isinstance(chances, list)
        of = dict(zip(candidates, chances, strict=True))
        if any(of.get(names[rank], 1) < share for rank, share in self.floors.items()):
            found.append("floor")
        if any(of.get(names[rank], 0) > share for rank, share in self.caps.items()):
            found.append("cap")
        return found
