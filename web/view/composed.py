"""Somebody whom nobody knows, made of facts: the form that asks for them, and the member."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from data.command_line.names import names
from data.errors import BadInput
from data.own_facts import fact_values
from data.schema import Fact
from data.schema.schema import SHIPPED
from serve.live.request_facts import facts_array, folded
from web.view.catalogue_view import CatalogueView
from web.view.members import KnownMembers, Member

COMPOSED = "somebody composed"
PART = "fact."
"""What the names of the form's fields begin with."""
ASKED_AMONG, CHOICES = 5_000, 60
"""Members whose values are offered; of them, so many."""
WRITTEN = {
    "number": "a number",
    "category": "one name",
    "set": "names with commas between",
    "counts": "name: count, name: count",
    "vector": "numbers with commas between",
}
HIDDEN = ("row", "column")
"""Places on a page: the preview has many."""


@dataclass(frozen=True)
class FactField:
    """One fact as the form asks for it."""

    name: str
    words: str
    how: str
    """How its value is written."""
    value: str
    choices: list[str]
    """Values that members have."""


def asked_members(
    view: CatalogueView, members: KnownMembers, asked: Mapping[str, str]
) -> list[Member]:
    """Whom an address names: `member`, and beside it who `facts` makes, or else `other`.

    Raises:
        BadInput: as `KnownMembers.pair` and `composed`.
    """
    if not asked.get("facts"):
        return members.pair(asked)
    made = composed(view, asked["facts"])
    return [members.member(asked["member"]), made] if asked.get("member") else [made]


def asked_member(view: CatalogueView, members: KnownMembers, asked: Mapping[str, str]) -> Member:
    """The one whom an address names, by `facts` or by `member`.

    Raises:
        BadInput: as `KnownMembers.member` and `composed`.
    """
    if asked.get("facts"):
        return composed(view, asked["facts"])
    if not asked.get("member"):
        raise BadInput("nobody is named; give member, or facts of somebody to be composed")
    return members.member(asked["member"])


def composed(view: CatalogueView, text: str) -> Member:
    """Somebody of whom these facts are known.

    Args:
        view: of what is published: the bundle says which facts there are.
        text: facts as JSON, as `/v1/decide` takes them.

    Raises:
        BadInput: it is no JSON object, or names facts or values that cannot be.
    """
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise BadInput(f"facts are {text[:40]!r}; give a JSON object, as /v1/decide takes it")
    kinds = facts_known(view)
    try:
        facts, odd = folded(told, view.model.declared)
        if odd:
            written = WRITTEN[kinds[odd[0]].kind] if odd[0] in kinds else "another value"
            raise BadInput(f"{odd[0]} cannot be {told[odd[0]]!r:.60}; give {written}")
        row = facts_array([facts])
    except ValueError as error:
        raise BadInput(str(error)) from None
    words = [f"{name.replace('_', ' ')} {said(value)}" for name, value in told.items()]
    return Member(COMPOSED, row, words, json.dumps(told, ensure_ascii=False))


def facts_known(view: CatalogueView) -> dict[str, Fact]:
    """Facts that the bundle reads of members, Marquee's own first."""
    shipped = {fact.name: fact for fact in SHIPPED.facts if fact.name not in HIDDEN}
    return {**shipped, **view.model.declared.facts}


def form(view: CatalogueView, members: KnownMembers, text: str) -> list[FactField]:
    """The form's fields, filled with what an address has; empty where that is no JSON."""
    try:
        told = json.loads(text or "{}")
    except ValueError:
        told = {}
    some = members.facts.slice(0, ASKED_AMONG)
    off = members.schema.off
    return [
        FactField(
            name,
            name.replace("_", " "),
            WRITTEN[fact.kind],
            said(told[name]) if name in told else "",
            _values(some, fact),
        )
        for name, fact in facts_known(view).items()
        if f"facts.{name}" not in off
    ]


def facts_of_form(view: CatalogueView, sent: Mapping[str, str]) -> str:
    """The facts that a form sends, as JSON; what is left empty is not known.

    Raises:
        BadInput: a value is not written as its fact is.
    """
    told = dict[str, object]()
    for name, fact in facts_known(view).items():
        text = sent.get(PART + name, "").strip()
        if not text:
            continue
        try:
            told[name] = _read(fact, text)
        except ValueError:
            raise BadInput(
                f"{name.replace('_', ' ')} cannot be {text[:60]!r}; write {WRITTEN[fact.kind]}"
            ) from None
    return json.dumps(told, ensure_ascii=False)


def said(value: object) -> str:
    """A value as the form has it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {said(count)}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(map(said, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read(fact: Fact, text: str) -> object:
    parts = names([text])
    if fact.kind == "number":
        return float(text)
    if fact.kind == "category":
        return text
    if fact.kind == "set":
        return parts
    if fact.kind == "vector":
        return [float(part) for part in parts]
    pairs = [part.rpartition(":") if ":" in part else (part, ":", "1") for part in parts]
    return {name.strip(): float(count) for name, _, count in pairs}


def _values(facts: pa.StructArray, fact: Fact) -> list[str]:
    """Names that members have, the first met first; none of numbers."""
    if fact.kind in ("number", "vector"):
        return []
    if fact.name in {field.name for field in facts.type}:
        values = facts.field(fact.name).to_pylist()
        if fact.kind == "category":
            names = [value for value in values if value is not None]
        else:
            names = [pair[0] for value in values for pair in value or ()]
    else:
        names = fact_values(facts.field("own"), fact.name).distinct
    return sorted(dict.fromkeys(names))[:CHOICES]
