"""`rules.yaml`: rules as they are written, each refused in a sentence that names file and line."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

import yaml

from bandit.rules.rule import Condition, Rule, RuleEffect
from data.errors import BadInput
from data.schema.fact import Fact
from data.schema.schema import SHIPPED, Schema
from data.schema.yaml_nodes import fields_of

LARGEST = 8 << 20
"""Bytes of the file."""
MOST_RULES = 10_000
ABOUT = ("artwork", "title", "tag", "canvas", "text_language")
OPTIONS = ("effect", "about", "where", "from", "until", "share", "who", "why")
BOUNDS = ("least", "most")
ID = re.compile(r"[\w.-]{1,80}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """What artwork a rule is about: all that is written must be so; of a list, one."""

    artwork: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    """As written: digits stand for a number where the catalogue's ids are numbers."""
    tag: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Column of artworks.parquet → names of which it must have one."""
    canvas: tuple[str, ...] = ()
    text_language: tuple[str, ...] = ()


@dataclass(frozen=True)
class WrittenRule:
    """A rule, and what it is about in the words of its file."""

    rule: Rule
    target: Target


class WrittenRules(NamedTuple):
    """All rules of a file, in its order."""

    rules: tuple[WrittenRule, ...]
    digest: str
    """Of its bytes, 16 hex digits."""


def parse_rules(raw: bytes, where: str, schema: Schema | None = None) -> WrittenRules:
    """Rules from the bytes of their file.

    Raises:
        BadInput: it is not what docs/rules.md says: by file and line.
    """
    try:
        root = yaml.compose(raw, yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{where} is not YAML ({reason}); mend the line") from None
    digest = hashlib.blake2b(raw, digest_size=8).hexdigest()
    if root is None:
        return WrittenRules((), digest)
    facts = {fact.name: fact for fact in (*SHIPPED.facts, *(schema.facts if schema else ()))}
    rules: list[WrittenRule] = []
    for section, line, node in fields_of(root, where, "the file"):
        if section != "rules":
            raise BadInput(f"{where}, line {line}: {section!r} is no section; write rules:")
        for name, at, options in list(fields_of(node, where, section)):
            rules.append(_rule(options, name, where, at, facts))
    if len(rules) > MOST_RULES:
        raise BadInput(f"{where} has {len(rules):,} rules; {MOST_RULES:,} at most are read")
    return WrittenRules(tuple(rules), digest)


def _rule(
    node: yaml.Node, name: str, file: str, line: int, facts: Mapping[str, Fact]
) -> WrittenRule:
    where = f"{file}, line {line}, rule {name!r}"
    if not ID.fullmatch(name):
        raise BadInput(f"{where}: its name needs letters from a to z, digits, _ . or -, 80 at most")
    found: dict[str, tuple[int, yaml.Node]] = {}
    for option, at, value in fields_of(node, where, "a rule"):
        if option not in OPTIONS:
            raise BadInput(
                f"{file}, line {at}, rule {name!r}: {option!r} is no part of a rule; write "
                f"{', '.join(OPTIONS)}"
            )
        found[option] = (at, value)
    for option in ("effect", "about", "who", "why"):
        if option not in found:
            raise BadInput(
                f"{where}: {option} is missing; every rule says its effect, what it is "
                "about, who wants it and why"
            )
    text = {
        option: _text(found[option][1], f"{file}, line {found[option][0]}, rule {name!r}, {option}")
        for option in ("effect", "who", "why", "from", "until", "share")
        if option in found
    }
    place = f"{file}, line {line}"
    try:
        rule = Rule(
            name,
            cast("RuleEffect", text["effect"]),
            _conditions(found.get("where"), place, facts),
            _moment(text.get("from"), "from"),
            _moment(text.get("until"), "until"),
            _number(text["share"], "share") if "share" in text else None,
            place,
            text["who"],
            text["why"],
        )
        return WrittenRule(rule, _target(found["about"][1], where))
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(f"{where}: {error}") from None


def _target(node: yaml.Node, where: str) -> Target:
    got: dict[str, tuple[str, ...]] = {}
    tags: list[tuple[str, tuple[str, ...]]] = []
    for name, line, value in fields_of(node, where, "about"):
        if name not in ABOUT:
            raise BadInput(
                f"{where}, line {line}: about {name!r} is nothing that artwork has; write "
                f"{', '.join(ABOUT)}"
            )
        if name == "tag":
            tags = [
                (column, _texts(names, f"{where}, about tag {column}"))
                for column, _, names in fields_of(value, where, "tag")
            ]
        else:
            got[name] = _texts(value, f"{where}, about {name}")
    if not got and not tags:
        raise BadInput(f"{where}: about is empty; write {', '.join(ABOUT)} below it")
    return Target(**got, tag=tuple(tags))


def _conditions(
    found: tuple[int, yaml.Node] | None, place: str, facts: Mapping[str, Fact]
) -> tuple[Condition, ...]:
    if found is None:
        return ()
    conditions = []
    for name, line, node in fields_of(found[1], place, "where"):
        fact = facts.get(name)
        if fact is None:
            raise ValueError(
                f"where asks for {name!r}, which is no fact; there are "
                f"{', '.join(n for n, f in facts.items() if f.kind in ('category', 'number'))}: "
                "declare others in schema.yaml"
            )
        where = f"where {name} (line {line})"
        if fact.kind == "category":
            conditions.append(Condition(name, frozenset(_texts(node, where))))
        elif fact.kind != "number":
            raise ValueError(
                f"{where}: it is of kind {fact.kind}, which has several values; rules ask for a "
                "category or a number"
            )
        elif isinstance(node, yaml.MappingNode):
            bounds: dict[str, float] = {}
            for bound, _, value in fields_of(node, place, where):
                if bound not in BOUNDS:
                    raise ValueError(f"{where}: {bound!r} is no bound; write least or most")
                bounds[bound] = _number(_text(value, where), f"{where}, {bound}")
            if not bounds or bounds.get("least", -math.inf) > bounds.get("most", math.inf):
                raise ValueError(f"{where}: no number lies within; write least, most or both")
            conditions.append(Condition(name, least=bounds.get("least"), most=bounds.get("most")))
        else:
            numbers = [_number(text, where) for text in _texts(node, where)]
            conditions.append(Condition(name, frozenset(numbers)))
    return tuple(conditions)


def _text(node: yaml.Node, where: str) -> str:
    """One value as it is written: NO is Norway, and 007 not 7."""
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise BadInput(f"{where}, line {node.start_mark.line + 1}: write one value")
    return node.value


def _texts(node: yaml.Node, where: str) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = tuple(dict.fromkeys(_text(one, where) for one in nodes))
    if not texts:
        raise BadInput(f"{where}, line {node.start_mark.line + 1}: the list is empty; fill it")
    return texts


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{what} is {text!r:.40}, which is no number")
    return number


def _moment(text: str | None, what: str) -> int | None:
    """Microseconds since 1970-01-01 UTC of a minute with its zone.

    Raises:
        ValueError: it is none, or names no zone.
    """
    if text is None:
        return None
    said, _, zone = text.strip().rpartition(" ")
    try:
        if "/" in zone or zone == "UTC":
            moment = datetime.fromisoformat(said.strip()).replace(tzinfo=ZoneInfo(zone))
        else:
            moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None or moment.second or moment.microsecond:
            raise ValueError
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, KeyError, OSError, OverflowError):  # zoneinfo raises the latter two
        raise ValueError(
            f"{what} is {text!r:.60}; write a minute and its zone, as 2026-04-01T00:00+02:00 or "
            "2026-04-01T00:00 Europe/Berlin"
        ) from None


assert {field.name for field in fields(Target)} == set(ABOUT)
