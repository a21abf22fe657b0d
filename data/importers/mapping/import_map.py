"""MAP.yaml: which column of somebody's files is what, and what they do not say.

`docs/import.md` explains each key. Every value of YAML is taken as text, so that the country `no`
stays one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from data.errors import BadInput
from data.importers.mapping.raw_rows import CsvLayout

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
REWARD = "reward"
"""Name of rewards where a map gives none."""
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
    range: tuple[float, float] | None = None
    """What a reward lies between: it is learnt as its share of that."""
    half: float | None = None
    """Of a reward without a bound above: x is learnt as x / (x + half)."""

    @property
    def is_plain(self) -> bool:
        """Whether a reward is learnt as it is."""
        return self.range is None and self.half is None

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

    @property
    def raw_reward(self) -> str | None:
        """The metric that holds a scaled reward in its own units; None: it is not scaled."""
        source, name = self.keys.get("reward"), self.keys.get("reward_name")
        if source is None or source.is_plain:
            return None
        return (None if name is None else name.constant) or REWARD

    @property
    def has_metrics(self) -> bool:
        """Whether numbers stand beside the reward."""
        return bool(self.metrics) or self.raw_reward is not None

    def refuse(self, key: str, what: str) -> NoReturn:
        """Refuse one of its keys.

        Raises:
            BadInput: always.
        """
        raise BadInput(f"{self.name}, key {key}: {what}")
