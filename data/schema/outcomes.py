"""What `schema.yaml` declares of what may come of an impression: kinds of events, and rewards.

Neither moves a feature, so neither is part of a schema's fingerprint: a bundle is served, and goes
on training, whatever is declared here.
"""

import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import yaml

from data.errors import BadInput
from data.records import EVENT_KINDS
from data.schema.yaml_nodes import fields_of, plain_value

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_KINDS, MOST_REWARDS = 100, 20
MOST_DAYS = 365.0
"""Of a window."""


@dataclass(frozen=True)
class EventKind:
    """A kind of event that is not Marquee's.

    Raises:
        ValueError: it cannot be; says what and the remedy.
    """

    name: str
    value: str | None = None
    """What its events count, such as seconds; None: they count nothing, they happened."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r:.80} is no kind of event; use small letters, digits and _, 64 at "
                "most, a letter first"
            )
        if self.name in EVENT_KINDS:
            raise ValueError(f"Marquee has events of kind {self.name}; leave it out")
        if self.value is not None and (not isinstance(self.value, str) or not self.value):
            raise ValueError(f"value is {self.value!r:.80}; say what it counts, such as seconds")


@dataclass(frozen=True)
class DeclaredReward:
    """A number that every example is worth: one is maximised, the others are looked at.

    Raises:
        ValueError: it cannot be; says what and the remedy.
    """

    name: str
    sql: str | None = None
    """An expression over an example's events; None: that of Marquee's own reward of the name."""
    within_days: float | None = None
    """How long after the impression events count; None: as long as the join's window."""
    maximise: bool = False
    """Whether it is what examples' `reward` is, where a join is not told otherwise."""
    guard: float | None = None
    """Share of what another policy has that may be lost (below 0), or had beyond it (above 0)."""
    range: tuple[float, float] | None = None
    """What it lies between; it is learnt as a share of that."""
    half: float | None = None
    """Of what has no bound above: x is learnt as x / (x + half), so this much is worth a half."""
    early: bool = False
    """Whether examples do not wait for its window: until it closes they have what is expected."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r:.80} is no name of a reward; use small letters, digits and _, 64 at "
                "most, a letter first"
            )
        if self.sql is not None and (not isinstance(self.sql, str) or not self.sql.strip()):
            raise ValueError(f"sql is {self.sql!r:.80}; give one expression of SQL")
        _number(self.within_days, "within_days", lambda x: 0 < x <= MOST_DAYS, "days, up to 365")
        for name in ("maximise", "early"):
            if not isinstance(value := getattr(self, name), bool):
                raise ValueError(f"{name} is {value!r:.80}; write true, or leave it out")
        if self.early and not (self.maximise and self.within_days):
            raise ValueError(
                "early is true; only the reward that is maximised can be, and it needs within_days"
            )
        _number(
            self.guard,
            "guard",
            lambda x: 0 < abs(x) < 1,
            "-2% (no more than that below) or +2% (above)",
        )
        _number(self.half, "half", lambda x: 0 < x < 1e15, "what is worth a half, above 0")
        if self.range is not None and not _is_range(self.range):
            raise ValueError(f"range is {self.range!r:.80}; write the least and the most, [0, 10]")
        if self.range is not None and self.half is not None:
            raise ValueError("it has a range and a half; a bounded reward needs no half")


@dataclass(frozen=True)
class DeclaredOutcomes:
    """Kinds of events and rewards in the order in which they were declared.

    Raises:
        ValueError: they do not go together.
    """

    events: tuple[EventKind, ...] = ()
    rewards: tuple[DeclaredReward, ...] = ()

    def __post_init__(self) -> None:
        for section, most in (("events", MOST_KINDS), ("rewards", MOST_REWARDS)):
            if (count := len(getattr(self, section))) > most:
                raise ValueError(f"{section}: {count} are declared; declare {most} at most")
        if len(best := [one.name for one in self.rewards if one.maximise]) > 1:
            raise ValueError(
                f"rewards: {' and '.join(best)} are both to be maximised; keep one, guard the rest"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind of event that there may be, those that Marquee comes with first."""
        return (*EVENT_KINDS, *(kind.name for kind in self.events))

    @property
    def guarded(self) -> dict[str, float]:
        """Name → guard of the rewards that have one."""
        return {one.name: one.guard for one in self.rewards if one.guard is not None}

    def to_json(self) -> dict[str, dict[str, dict[str, object]]]:
        """Section → name → options, as the file has them."""
        sections = {"events": self.events, "rewards": self.rewards}
        return {
            section: {one.name: _options(one) for one in held}
            for section, held in sections.items()
            if held
        }


OUTCOME_SECTIONS: dict[str, type[EventKind] | type[DeclaredReward]] = {
    "events": EventKind,
    "rewards": DeclaredReward,
}


def declared_outcomes(node: yaml.Node, where: str, section: str) -> list:
    """What a section declares.

    Raises:
        BadInput: by line and field.
    """
    made, kind = [], OUTCOME_SECTIONS[section]
    known = [field.name for field in fields(kind)][1:]
    for name, line, options in fields_of(node, where, section):
        place = f"{where}, line {line}, {section}.{name}"
        given = {}
        for option, _, value in fields_of(options, place, f"{section}.{name}"):
            if option not in known:
                raise BadInput(f"{place}, {option}: it is no option; use {', '.join(known)}")
            given[option] = _value(value, option, f"{place}, {option}")
        try:
            made.append(kind(name, **given))
        except (ValueError, TypeError) as error:
            raise BadInput(f"{place}, {error}") from None
    return made


def _value(node: yaml.Node, option: str, where: str) -> object:
    if option == "range" and isinstance(node, yaml.SequenceNode):
        return tuple(plain_value(one, where) for one in node.value)
    value = plain_value(node, where)
    if option == "guard" and isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip()[:-1]) / 100
        except ValueError:
            return value
    return value


def _number(value: object, name: str, fits: Callable[[float], bool], remedy: str) -> None:
    if value is None:
        return
    if type(value) not in (int, float) or not math.isfinite(value) or not fits(value):  # pyright: ignore[reportArgumentType]
        raise ValueError(f"{name} is {value!r:.80}; write {remedy}")


def _is_range(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(type(one) in (int, float) and abs(one) < 1e15 for one in value)
        and value[0] < value[1]
    )


def _options(one: EventKind | DeclaredReward) -> dict[str, object]:
    usual = {field.name: field.default for field in fields(one)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(one).items()
        if name != "name" and value != usual[name]
    }
