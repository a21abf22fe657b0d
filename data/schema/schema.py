"""`schema.yaml`, beside the catalogue: facts that a user declares, and those that need not be."""

import hashlib
import json
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.records import ARTWORKS, FACTS, TITLES
from data.schema.fact import Fact
from data.schema.outcomes import OUTCOME_SECTIONS, DeclaredOutcomes, declared_outcomes
from data.schema.yaml_nodes import fields_of, plain_value

SCHEMA_FILE = "schema.yaml"
LARGEST = 1 << 20
"""Bytes of the file."""
MOST_FACTS = 100
"""Of a section."""
SECTIONS = ("facts", "titles", "artworks")
"""Of members and requests; of titles; of artworks."""
TAKEN = {
    "facts": tuple(field.name for field in FACTS),
    "titles": tuple(TITLES.names),
    "artworks": tuple(ARTWORKS.names),
}
"""Section → names that mean something already."""
OFF = "off"
"""The key that names what is switched off."""
SWITCHES = (
    *(f"facts.{name}" for name in TAKEN["facts"] if name != "own"),
    *("titles.genres", "titles.cast", "titles.popularity", "artworks.cast_shown", "artworks.tone"),
)
"""What may be switched off: all that a model reads of what Marquee comes with, but for pixels."""
OPTIONS = tuple(field.name for field in fields(Fact))[1:]


@dataclass(frozen=True)
class Schema:
    """Facts in the order in which they were declared.

    Raises:
        ValueError: two of a section have one name, or counts match what is no set.
    """

    facts: tuple[Fact, ...] = ()
    """Of members and requests."""
    titles: tuple[Fact, ...] = ()
    artworks: tuple[Fact, ...] = ()
    off: tuple[str, ...] = ()
    """Facts that Marquee comes with and that nothing shall be learnt from, as `facts.device`."""
    outcomes: DeclaredOutcomes = field(default=DeclaredOutcomes(), compare=False)
    """Kinds of events, and rewards: no part of what a bundle reads."""

    def __post_init__(self) -> None:
        for name in self.off:
            if name not in SWITCHES:
                raise ValueError(f"{OFF}: {name!r} is none of {', '.join(SWITCHES)}")
        for section in SECTIONS:
            names = [fact.name for fact in getattr(self, section)]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{section}.{twice[0]}: it is declared twice; keep one")
            if len(names) > MOST_FACTS:
                raise ValueError(f"{section}: {len(names)} facts; declare {MOST_FACTS} at most")
        for fact in (*self.titles, *self.artworks):
            if fact.known_at == "request":
                raise ValueError(f"{fact.name}: known_at is for facts of members; leave it out")
            if fact.match is not None:
                raise ValueError(f"{fact.name}: match is for counts of members; leave it out")
        for fact in self.facts:
            if fact.match is not None and self.matched(fact) is None:
                raise ValueError(
                    f"facts.{fact.name}: match is {fact.match!r}, which is no declared set; "
                    "declare it with kind set"
                )

    def matched(self, fact: Fact) -> Fact | None:
        """The set whose names a member's counts count; None: there is none."""
        section, _, name = (fact.match or "").partition(".")
        sets = getattr(self, section) if section in SECTIONS else ()
        return next((one for one in sets if one.name == name and one.kind == "set"), None)

    def known_at_request(self) -> tuple[str, ...]:
        """Facts that only a page knows."""
        return tuple(fact.name for fact in self.facts if fact.known_at == "request")

    def to_json(self) -> dict[str, object]:
        """Section → name → options, as the file has them."""
        declared: dict[str, object] = {
            section: {fact.name: _options(fact) for fact in getattr(self, section)}
            for section in SECTIONS
            if getattr(self, section)
        }
        return declared | ({OFF: list(self.off)} if self.off else {})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is declared, 64 hex digits."""
        return hashlib.sha256(json.dumps(self.to_json()).encode()).hexdigest()


def _options(fact: Fact) -> dict[str, object]:
    return {name: value for name, value in fact.to_json().items() if name != "name"}


SHIPPED = Schema(
    facts=(
        Fact("country", "category"),
        Fact("language", "category"),
        Fact("device", "category", known_at="request"),
        Fact("surface", "category", known_at="request"),
        Fact("row", "number", scale="steps", known_at="request"),
        Fact("column", "number", scale="steps", known_at="request"),
        Fact("day_part", "category", known_at="request"),
        Fact("tenure_days", "number", scale="log"),
        Fact("watched_genres", "counts", match="titles.genres"),
        Fact("watched_cast", "counts", match="artworks.cast_shown"),
    ),
    titles=(Fact("genres", "set"), Fact("cast", "set"), Fact("popularity", "number", scale="log")),
    artworks=(Fact("cast_shown", "set"), Fact("tone", "category")),
)
"""What a catalogue without `schema.yaml` has, and every other has besides."""


def read_schema(place: Path | str) -> Schema:
    """What a catalogue's folder declares, or a file; nothing where there is none.

    Raises:
        BadInput: the file is not what docs/schema.md says: by line and field.
    """
    file = Path(place)
    if file.is_dir() or file.suffix not in (".yaml", ".yml"):
        file = file / SCHEMA_FILE
    if not file.exists():
        return Schema()
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}); make it readable") from None
    if len(raw) > LARGEST:
        raise BadInput(f"{file} has {len(raw):,} bytes; a schema has {LARGEST:,} at most")
    return parse_schema(raw, str(file))


def write_schema(folder: Path, schema: Schema) -> None:
    """Write what is declared into a catalogue's folder."""
    text = yaml.safe_dump(
        schema.to_json() | schema.outcomes.to_json(), sort_keys=False, allow_unicode=True
    )
    write_text_whole(folder / SCHEMA_FILE, text)


def parse_schema(raw: bytes, where: str) -> Schema:
    """A schema from the bytes of its file.

    Raises:
        BadInput: as `read_schema`.
    """
    try:
        root = yaml.compose(raw, yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{where} is not YAML ({reason}); mend the line") from None
    if root is None:
        return Schema()
    found: dict[str, list[Fact]] = {section: [] for section in SECTIONS}
    outcomes: dict[str, tuple] = {}
    off: list[str] = []
    for section, line, node in fields_of(root, where, "the file"):
        if section == OFF:
            off = _names(node, f"{where}, line {line}, {OFF}")
            continue
        if section in OUTCOME_SECTIONS:
            outcomes[section] = tuple(declared_outcomes(node, where, section))
            continue
        if section not in found:
            raise BadInput(
                f"{where}, line {line}: {section!r} is no section; write "
                f"{', '.join((*SECTIONS, *OUTCOME_SECTIONS))} or {OFF}"
            )
        for name, line, options in fields_of(node, where, section):
            found[section].append(_fact(options, name, f"{where}, line {line}, {section}.{name}"))
            if name in TAKEN[section]:
                raise BadInput(
                    f"{where}, line {line}, {section}.{name}: Marquee has a field of that name; "
                    "leave it out, or give yours another"
                )
    try:
        facts = {section: tuple(facts) for section, facts in found.items()}
        return Schema(**facts, off=tuple(off), outcomes=DeclaredOutcomes(**outcomes))
    except ValueError as error:
        raise BadInput(f"{where}, {error}") from None


def _names(node: yaml.Node, where: str) -> list[str]:
    """A list of names, each once."""
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise BadInput(f"{where}: write a list, such as [facts.device, titles.genres]")
    names = [one.value for one in node.value if isinstance(one, yaml.ScalarNode)]
    if len(names) < len(node.value):
        raise BadInput(f"{where}: a name is needed, and one is none")
    return list(dict.fromkeys(names))


def _fact(node: yaml.Node, name: str, where: str) -> Fact:
    options: dict = {}
    for option, _, value in fields_of(node, where, "a fact"):
        if option not in OPTIONS:
            raise BadInput(f"{where}, {option}: it is no option; use {', '.join(OPTIONS)}")
        options[option] = plain_value(value, f"{where}, {option}")
    if "kind" not in options:
        raise BadInput(f"{where}: it has no kind; say number, category, set, counts or vector")
    try:
        return Fact(name, **options)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{where}, {error}") from None
