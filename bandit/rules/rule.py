"""A rule: what it does to artwork, for whom, and from when until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

RuleEffect = Literal["allow", "deny", "pin", "floor", "cap"]
SHARED = ("floor", "cap")
"""Effects that bound a probability."""
NO, PERHAPS, YES = 0, 1, 2
"""Whether a rule holds for a page: perhaps, where a fact that it asks for is not known."""

FactValue = str | float | None
"""One fact of a page as conditions compare it; None: it is not known."""


@dataclass(frozen=True)
class Condition:
    """What one fact must be: one of some values, or a number within bounds."""

    fact: str
    values: frozenset[str | float] = frozenset()
    least: float | None = None
    """A number of at least this; with `values` empty."""
    most: float | None = None
    """And at most this."""

    def holds(self, value: FactValue) -> bool:
        """Whether a known value is what the condition asks for."""
        if self.values:
            return value in self.values
        if not isinstance(value, int | float):
            return False
        least = self.least is None or value >= self.least
        return least and (self.most is None or value <= self.most)


@dataclass(frozen=True)
class Rule:
    """What is done to the artwork that it is about, where its conditions hold.

    `deny` keeps artwork from being shown; `allow` lets it be shown there and then, and nowhere
    else; `pin` shows it always; `floor` and `cap` bound the probability of each. Outside its time a
    rule is as if it were not written, but for an `allow`: its time is part of what it allows.

    Raises:
        ValueError: an unknown effect, a share that is none, or a time that ends before it begins.
    """

    id: str
    effect: RuleEffect
    where: tuple[Condition, ...] = ()
    """All of them must hold; each asks for another fact."""
    start_us: int | None = None
    """Microseconds since 1970-01-01 UTC; None: always was."""
    end_us: int | None = None
    """The first moment at which it holds no more; None: for ever."""
    share: float | None = None
    """Of a floor or a cap: a probability."""
    place: str = ""
    """Where it is written."""
    who: str = ""
    why: str = ""

    def __post_init__(self) -> None:
        if self.effect not in get_args(RuleEffect):
            among = ", ".join(get_args(RuleEffect))
            raise ValueError(f"effect is {self.effect!r}; write one of {among}")
        bounds = self.effect in SHARED
        if bounds and (self.share is None or not 0 < self.share < 1):
            said = "missing" if self.share is None else self.share
            raise ValueError(f"share is {said}: a {self.effect} needs one, above 0 and below 1")
        if not bounds and self.share is not None:
            raise ValueError(f"share is for floors and caps, not for {self.effect}; leave it out")
        start, end = self.start_us, self.end_us
        if start is not None and end is not None and end <= start:
            raise ValueError("until is not after from; a rule holds from the one to the other")

    @property
    def bound(self) -> float:
        """The share of a floor or a cap."""
        assert self.share is not None  # others are never asked
        return self.share

    @property
    def name(self) -> str:
        """What refusals call it."""
        return f"rule {self.id!r} ({self.place})" if self.place else f"rule {self.id!r}"

    def in_time(self, now_us: int) -> bool:
        """Whether a moment lies within its time."""
        begun = self.start_us is None or now_us >= self.start_us
        return begun and (self.end_us is None or now_us < self.end_us)

    def when(self, now_us: int) -> Literal["holds", "to come", "ended"]:
        """Whether its time is now, in words."""
        if self.in_time(now_us):
            return "holds"
        return "to come" if self.end_us is None or now_us < self.end_us else "ended"

    def state(self, facts: Mapping[str, FactValue], now_us: int) -> int:
        """NO, PERHAPS or YES.

        Args:
            facts: those that conditions ask for, where they are known.
            now_us: microseconds since 1970-01-01 UTC.
        """
        if not self.in_time(now_us):
            return NO
        state = YES
        for condition in self.where:
            value = facts.get(condition.fact)
            if value is None:
                state = PERHAPS
            elif not condition.holds(value):
                return NO
        return state
