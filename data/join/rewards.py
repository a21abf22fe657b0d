"""Named rewards: what an impression was worth, as one SQL expression each.

The expression may use `played` (boolean), `minutes` (most progress within the window),
`runtime_minutes` (null: the catalogue does not know the title), `thumb` (−1, 0 or 1), and counts,
sums and times of every kind of event (`data.join.events.columns`). It is DuckDB's SQL on either
engine, and speaks of one example: see `data.join.reward_sql`.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace

from data.errors import BadInput

TAKE_MINUTES = 20.0
TAKE_SHARE = 0.5


@dataclass(frozen=True)
class Reward:
    """A named reward; the name is stored with every example."""

    name: str
    """Lower-case letters, digits and underscores."""
    sql: str
    """An expression over `played`, `minutes`, `runtime_minutes`, `thumb` and columns of events
    (`data.join.events.columns`), never null."""
    within_days: float | None = None
    """How long after the impression events count; None: as long as the join's window."""
    range: tuple[float, float] | None = None
    """What it lies between; None: not said."""
    half: float | None = None
    """What is learnt as a half of what has no bound above; None: not said."""
    early: bool = False
    """Whether examples do not wait for its window: until it closes they have what is expected."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise BadInput(
                f"the reward's name {self.name!r:.100} must be a lower-case word such as 'binge': "
                "it is stored with every example"
            )
        if not self.sql.strip() or ";" in self.sql:
            raise BadInput(
                f"the reward {self.name!r} has the expression {self.sql!r:.300}; give one SQL "
                "expression, such as 'CASE WHEN minutes >= 60 THEN 1.0 ELSE 0.0 END'"
            )

    @property
    def is_plain(self) -> bool:
        """Whether it is learnt as it is."""
        return self.range is None and self.half is None

    def unscaled(self) -> "Reward":
        """The same in its own units."""
        return replace(self, range=None, half=None)

    def scaled(self, sql: str) -> str:
        """What is learnt of it, of its expression over a join's columns."""
        value = f"CAST(({sql}\n) AS DOUBLE)"
        if self.range is not None:
            least, most = (f"CAST({float(end)!r} AS DOUBLE)" for end in self.range)
            return f"({value} - {least}) / ({most} - {least})"
        if self.half is not None:
            return f"{value} / ({value} + CAST({float(self.half)!r} AS DOUBLE))"
        return sql

    def to_json(self) -> dict[str, object]:
        """Its name, its expression, and whatever is not as usual."""
        usual = {field.name: field.default for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value != usual[name]
        }


REWARDS = {
    reward.name: reward
    for reward in (
        # Quality engagement: abandoning early is worth what ignoring is worth.
        Reward(
            "take",
            f"CASE WHEN played AND minutes >= least({TAKE_MINUTES}, {TAKE_SHARE} * runtime_minutes)"
            " THEN 1.0 ELSE 0.0 END",
        ),
        Reward("play", "CASE WHEN played THEN 1.0 ELSE 0.0 END"),
        Reward("minutes", "minutes"),
    )
}


def reward_named(text: str, declared: Sequence[str] = ()) -> Reward:
    """The reward that a command line means: a known name, or `name=SQL expression`.

    Args:
        text: of the command line.
        declared: names that a schema has taken.

    Raises:
        BadInput: neither a known name nor a well-formed definition.
    """
    name, equals, sql = text.partition("=")
    if equals:
        if name.strip() in (*REWARDS, *declared):
            raise BadInput(
                f"the reward {name.strip()!r} is already defined; give your expression a new name"
            )
        return Reward(name.strip(), sql.strip())
    if text not in REWARDS:
        raise BadInput(
            f"there is no reward {text!r}; choose one of {', '.join((*REWARDS, *declared))}, "
            "or define one as 'name=SQL expression'"
        )
    return REWARDS[text]
