"""MAP.yaml from its file: every key checked, and refused by its name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, cast
from zoneinfo import ZoneInfo

import yaml

from data.errors import BadInput
from data.importers.mapping.import_map import (
    KEYS,
    NEEDED,
    PROPENSITY_RULES,
    QUESTIONS,
    REWARD,
    ROWS,
    ImportMap,
    PropensitySource,
    ValueSource,
)
from data.importers.mapping.own_facts import KINDS, OWN, SHIPPED
from data.importers.mapping.raw_rows import CsvLayout
from data.records import FACTS
from data.schema.outcomes import NAME, DeclaredReward

SCALE = ("range", "half")
"""What a map may say of a reward alone."""


def read_map(file: Path, declared: Mapping[str, str] | None = None) -> ImportMap:
    """A map from its file.

    Args:
        file: YAML.
        declared: kinds of a user's own facts by name, as a catalogue's schema has them.

    Raises:
        BadInput: not YAML, a key is unknown or lacks, or its value is none: by file and key.
    """
    try:
        content = yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{file} is not YAML ({reason:.200}); mend it") from None
    for text in _texts(content):
        if not _is_text(text):
            raise BadInput(f"{file}: {text!r:.80} holds what is no character; write it anew")
    if not isinstance(content, dict):
        raise BadInput(f"{file} has no keys; `python -m data import --propose FILE` writes a first")
    return _Reading(str(file), content).map(declared or {})


def _texts(content: object) -> Iterator[str]:
    """Every text of a file, keys and values; aliases may make it lead back into itself."""
    waiting, seen = [content], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif id(one) not in seen:
            seen.add(id(one))
            if isinstance(one, dict):
                waiting += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple):
                waiting += one


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


@dataclass(frozen=True)
class _Reading:
    """A map's content, and what messages call it."""

    name: str
    content: Mapping[str, object]

    def refuse(self, key: str, what: str) -> NoReturn:
        raise BadInput(f"{self.name}, key {key}: {what}")

    def map(self, declared: Mapping[str, str]) -> ImportMap:
        rows = self.text("rows") or self.ask("rows")
        if rows not in ROWS:
            self.refuse("rows", f"{rows!r} is none of {', '.join(ROWS)}")
        keys = KEYS[rows]
        metrics_too = ("metrics",) if rows == "impressions" else ()
        known = (*keys, "rows", "zone", "csv", "facts", *metrics_too)
        self.refuse_unknown("", self.content, known)
        for key in NEEDED[rows]:
            if key not in self.content:
                self.ask(key)
        special = ("propensity", "candidates")
        facts, metrics = self.named("facts"), self.named("metrics")
        if rows == "events" and (shipped := [name for name in facts if name in SHIPPED]):
            self.refuse(
                f"facts.{shipped[0]}",
                "events tell facts of your own here, and device, surface, row and column as keys",
            )
        if odd := [name for name in metrics if not NAME.fullmatch(name)]:
            self.refuse(f"metrics.{odd[0]}", "use small letters, digits and _, a letter first")
        offered = self.content.get("candidates", "catalogue")
        made = ImportMap(
            self.name,
            rows,
            {
                k: self.source(k, self.content[k])
                for k in keys
                if k in self.content and k not in special
            },
            {name: self.fact(name, value, declared) for name, value in facts.items()},
            None if rows == "events" else self.propensity(self.content["propensity"]),
            None if offered == "catalogue" else self.source("candidates", offered),
            self.zone(),
            self.csv(),
            {name: self.source(f"metrics.{name}", value) for name, value in metrics.items()},
        )
        if made.raw_reward in made.metrics:
            self.refuse(f"metrics.{made.raw_reward}", "the reward in its own units has that name")
        return made

    def named(self, key: str) -> dict[str, object]:
        """A key that holds names with their columns."""
        held = self.content.get(key) or {}
        if not isinstance(held, dict):
            self.refuse(key, f"give names of {key} with their columns")
        return held

    def fact(self, name: str, value: object, declared: Mapping[str, str]) -> ValueSource:
        """A fact's source; one of a user's own has a kind."""
        key = f"facts.{name}"
        source = self.source(key, value)
        if name in SHIPPED:
            return source if source.kind is None else self.refuse(f"{key}.kind", "it has its own")
        kind = source.kind or declared.get(name)
        if OWN not in [field.name for field in FACTS] or kind is None:
            self.refuse(
                key,
                f"there is no such fact; there are {', '.join([*SHIPPED, *declared])}: "
                f"declare yours in schema.yaml of the catalogue, or give its kind here",
            )
        if kind not in KINDS:
            self.refuse(f"{key}.kind", f"{kind!r} is none of {', '.join(KINDS)}")
        return replace(source, kind=kind)

    def ask(self, key: str) -> NoReturn:
        self.refuse(key, f"it is missing; {QUESTIONS[key]}")

    def text(self, key: str) -> str | None:
        value = self.content.get(key)
        if value is not None and not isinstance(value, str):
            self.refuse(key, f"{value!r:.80} is no text")
        return value or None

    def refuse_unknown(self, path: str, given: Mapping[str, object], known: Sequence[str]) -> None:
        for key in given:
            if key not in known:
                self.refuse(f"{path}{key}", f"there is no such key; there are {', '.join(known)}")

    def source(self, key: str, value: object) -> ValueSource:
        if isinstance(value, str) and value:
            return ValueSource(key, column=value)
        if not isinstance(value, dict):
            self.refuse(key, "give a column, {column: NAME, …} or {constant: VALUE}")
        fields = ("column", "constant", "columns", "values", "separator", "format", "unit", "kind")
        scale = self.scale(value) if key == "reward" else DeclaredReward(REWARD)
        told = {n: held for n, held in value.items() if key != "reward" or n not in SCALE}
        self.refuse_unknown(f"{key}.", told, fields)
        if sum(name in told for name in ("column", "constant", "columns")) != 1:
            self.refuse(key, "give one of column, constant and columns")
        for name in fields:
            held, mapping = told.get(name, ""), name in ("columns", "values")
            if held != "" and not isinstance(held, dict if mapping else str):
                self.refuse(f"{key}.{name}", f"give {'names and values' if mapping else 'a text'}")
            texts = [*held, *held.values()] if isinstance(held, dict) else []
            if not all(isinstance(text, str) for text in texts):
                self.refuse(f"{key}.{name}", "a name or a value in it is no text")
        for name, wanted in (
            ("separator", "the text between two values"),
            ("format", "as %Y-%m-%d"),
        ):
            if told.get(name) == "":
                self.refuse(f"{key}.{name}", f"it is empty; give {wanted}")
        if (unit := told.get("unit")) is not None and unit not in ("s", "ms", "us", "ns"):
            self.refuse(f"{key}.unit", f"{unit!r} is none of s, ms, us, ns")
        return ValueSource(key, **told, range=scale.range, half=scale.half)

    def scale(self, value: Mapping[str, object]) -> DeclaredReward:
        """A reward's range or half, as schema.yaml has them."""
        ends, half = value.get("range"), value.get("half")
        try:
            bounds = tuple(map(float, ends)) if isinstance(ends, list) else ends
            return DeclaredReward(
                REWARD,
                range=cast("tuple[float, float] | None", bounds),
                half=None if half is None else float(str(half)),
            )
        except (ValueError, TypeError) as error:
            self.refuse("reward", f"{error}; docs/rewards.md says what a range and a half are")

    def propensity(self, value: object) -> PropensitySource:
        key = "propensity"
        if value in PROPENSITY_RULES:
            return PropensitySource(str(value))
        if isinstance(value, dict) and "random" in value:
            self.refuse_unknown(f"{key}.", value, ("random", "equals"))
            equals = value.get("equals", [])
            marks = equals if isinstance(equals, list) else [equals]
            if not all(isinstance(mark, str) for mark in marks):
                self.refuse(f"{key}.equals", "give a text, or a list of texts")
            return PropensitySource("random", self.source(f"{key}.random", value["random"]), marks)
        if isinstance(value, dict) and "mixture" in value:
            self.refuse_unknown(f"{key}.", value, ("mixture", "rule"))
            if "rule" not in value:
                self.refuse(f"{key}.rule", "which column says what the rule would have shown?")
            try:
                share = float(value["mixture"])
            except (TypeError, ValueError):
                share = -1.0
            if not 0 < share <= 1:
                self.refuse(f"{key}.mixture", "give the share drawn at random, above 0 up to 1")
            rule = self.source(f"{key}.rule", value["rule"])
            return PropensitySource("mixture", rule, share=share)
        return PropensitySource("column", self.source(key, value))

    def zone(self) -> str | None:
        name = self.text("zone")
        try:
            return name if name is None else ZoneInfo(name).key
        except (ValueError, OSError, KeyError):
            return self.refuse("zone", f"there is no zone {name!r}; write it as Europe/Oslo or UTC")

    def csv(self) -> CsvLayout:
        given = self.content.get("csv") or {}
        if not isinstance(given, dict):
            self.refuse("csv", "give delimiter, encoding or decimal")
        self.refuse_unknown("csv.", given, CsvLayout._fields)
        nulls = given.get("nulls", [])
        if not isinstance(nulls, list) or not all(isinstance(one, str) for one in nulls):
            self.refuse("csv.nulls", "give a list of texts, such as ['', NA]")
        for name, text in given.items():
            if name != "nulls" and not isinstance(text, str):
                self.refuse(f"csv.{name}", f"{text!r:.80} is no text")
        layout = CsvLayout(**given)
        delimiter = {"tab": "\t", "\\t": "\t"}.get(layout.delimiter or "", layout.delimiter)
        for name, text in (("delimiter", delimiter), ("decimal", layout.decimal)):
            if text is not None and len(text) != 1:
                self.refuse(f"csv.{name}", f"{text!r} is not one letter")
        return layout._replace(delimiter=delimiter)
