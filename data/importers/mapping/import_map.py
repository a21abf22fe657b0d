"""MAP.yaml: which column of somebody's files is what, and what they do not say.

`docs/import.md` explains each key. Every value of YAML is taken as text, so that the country `no`
stays one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import yaml

from data.errors import BadInput
from data.importers.mapping.own_facts import KINDS, OWN, SHIPPED
from data.importers.mapping.raw_rows import CsvLayout
from data.records import FACTS
from data.schema.outcomes import NAME

ROWS = ("impressions", "decisions", "events")
"""What a row of a file may be."""
CHOICE = ("decision_id", "time", "profile_id", "title_id", "action", "candidates", "propensity")
KEYS = {
    "impressions": (
        *(*CHOICE, "policy", "cell"),
        *("reward", "reward_name", "played", "minutes", "impressions"),
    ),
    "decisions": (*CHOICE, "policy", "cell"),
    "events": (
        *("event_id", "kind", "time", "received", "decision_id", "profile_id", "title_id"),
        *("artwork_id", "device", "surface", "row", "column", "minutes", "thumb", "value"),
    ),
}
"""Keys that are columns of the records, by what a row is."""
QUESTIONS = {
    "rows": "is a row an impression with its reward (impressions), a choice (decisions), or "
    "something that happened (events)?",
    "time": "which column says when?",
    "profile_id": "which column says who looked? {constant: unknown} if none does",
    "title_id": "which column says what the artwork was for?",
    "action": "which column says which artwork was shown?",
    "propensity": "with what probability was what is shown chosen? a column, uniform, "
    "{random: COLUMN} where a column marks rows drawn at random, {mixture: SHARE, rule: COLUMN}, "
    "or rule if none was drawn",
    "reward": "which column says what came of it?",
    "kind": "which column says what happened (impression, play, progress, thumb, or a kind that "
    "schema.yaml declares)?",
    "decision_id": "which column names the decision that an event follows? {constant: } if none",
    "zone": "times have no zone: whose are they? such as Europe/Oslo, or UTC",
}
"""Asked where a map lacks a key that there must be."""
NEEDED = {
    "impressions": ("time", "profile_id", "action", "propensity", "reward"),
    "decisions": ("time", "profile_id", "action", "propensity"),
    "events": ("kind", "time", "profile_id", "title_id"),
}
PROPENSITY_RULES = ("uniform", "rule")
FLAGS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y", "t", "random"), True),
    **dict.fromkeys(("0", "0.0", "false", "no", "n", "f", "rule"), False),
}
"""What a column of yes and no says, in small letters."""


@dataclass(frozen=True)
class ValueSource:
    """Where the values of one key come from."""

    key: str
    """As messages call it: `facts.country`."""
    column: str | None = None
    constant: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name → column with its count."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Text in the file → text in the record; others stay."""
    separator: str | None = None
    """Between the values of a list in one text."""
    format: str | None = None
    """Of times, as strptime has them."""
    unit: str | None = None
    """Of times that are numbers: s, ms, us or ns."""
    kind: str | None = None
    """Of facts of a user's own: one of `own_facts.KINDS`."""

    def reads(self) -> Iterator[str]:
        """The columns that it needs."""
        yield from self.columns.values()
        if self.column is not None:
            yield self.column


@dataclass(frozen=True)
class PropensitySource:
    """How likely what was shown was."""

    kind: str
    """column, uniform, rule, random (a column marks the rows that were drawn) or mixture."""
    source: ValueSource | None = None
    """The column of probabilities, of marks, or of what the rule would have shown."""
    equals: Sequence[str] = ()
    """Marks that say that a row was drawn; what FLAGS says if empty."""
    share: float = 1.0
    """Of a mixture: how much is drawn at random among all candidates."""


@dataclass(frozen=True)
class ImportMap:
    """A map, checked."""

    name: str
    rows: str
    keys: Mapping[str, ValueSource]
    facts: Mapping[str, ValueSource]
    propensity: PropensitySource | None
    """None: events."""
    candidates: ValueSource | None
    """None: those of the catalogue on the day."""
    zone: str | None
    csv: CsvLayout
    metrics: Mapping[str, ValueSource] = field(default_factory=dict)
    """Numbers beside the reward, by name."""

    def reads(self) -> list[str]:
        """Every column that it needs."""
        named = (*self.keys.values(), *self.facts.values(), *self.metrics.values())
        sources = [*named, self.candidates]
        sources.append(None if self.propensity is None else self.propensity.source)
        return list(dict.fromkeys(n for one in sources if one is not None for n in one.reads()))

    def refuse(self, key: str, what: str) -> NoReturn:
        """Refuse one of its keys.

        Raises:
            BadInput: always.
        """
        raise BadInput(f"{self.name}, key {key}: {what}")


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
    if not isinstance(content, dict):
        raise BadInput(f"{file} has no keys; `python -m data import --propose FILE` writes a first")
    return _Reading(str(file), content).map(declared or {})


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
        named = {"events": (), "decisions": ("facts",), "impressions": ("facts", "metrics")}
        known = (*keys, "rows", "zone", "csv", *named[rows])
        self.refuse_unknown("", self.content, known)
        for key in NEEDED[rows]:
            if key not in self.content:
                self.ask(key)
        special = ("propensity", "candidates")
        facts, metrics = self.named("facts"), self.named("metrics")
        if odd := [name for name in metrics if not NAME.fullmatch(name)]:
            self.refuse(f"metrics.{odd[0]}", "use small letters, digits and _, a letter first")
        offered = self.content.get("candidates", "catalogue")
        return ImportMap(
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
        self.refuse_unknown(f"{key}.", value, fields)
        if sum(name in value for name in ("column", "constant", "columns")) != 1:
            self.refuse(key, "give one of column, constant and columns")
        for name in fields:
            held, mapping = value.get(name, ""), name in ("columns", "values")
            if held != "" and not isinstance(held, dict if mapping else str):
                self.refuse(f"{key}.{name}", f"give {'names and values' if mapping else 'a text'}")
        if (unit := value.get("unit")) is not None and unit not in ("s", "ms", "us", "ns"):
            self.refuse(f"{key}.unit", f"{unit!r} is none of s, ms, us, ns")
        return ValueSource(key, **value)

    def propensity(self, value: object) -> PropensitySource:
        key = "propensity"
        if value in PROPENSITY_RULES:
            return PropensitySource(str(value))
        if isinstance(value, dict) and "random" in value:
            self.refuse_unknown(f"{key}.", value, ("random", "equals"))
            equals = value.get("equals", [])
            marks = equals if isinstance(equals, list) else [equals]
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
        if not isinstance(given.get("nulls", []), list):
            self.refuse("csv.nulls", "give a list of texts, such as ['', NA]")
        layout = CsvLayout(**given)
        delimiter = {"tab": "\t", "\\t": "\t"}.get(layout.delimiter or "", layout.delimiter)
        for name, text in (("delimiter", delimiter), ("decimal", layout.decimal)):
            if text is not None and len(text) != 1:
                self.refuse(f"csv.{name}", f"{text!r} is not one letter")
        return layout._replace(delimiter=delimiter)
