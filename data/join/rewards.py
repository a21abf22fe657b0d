"""Named rewards: what an impression was worth, as one SQL expression each.

The expression may use `played` (boolean), `minutes` (most progress within the window),
`runtime_minutes` (null: the catalogue does not know the title) and `thumb` (−1, 0 or 1). It is
DuckDB's SQL on either engine, and speaks of one example: see `data.join.reward_sql`.
"""

import re
from dataclasses import dataclass

from data.errors import BadInput

TAKE_MINUTES = 20.0
TAKE_SHARE = 0.5


@dataclass(frozen=True)
class Reward:
    """A named reward; the name is stored with every example."""

    name: str
    """Lower-case letters, digits and underscores."""
    sql: str
    """An expression over `played`, `minutes`, `runtime_minutes` and `thumb`, never null."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise BadInput(
                f"the reward's name {self.name!r} must be a lower-case word such as 'binge': "
                "it is stored with every example"
            )
        if not self.sql.strip() or ";" in self.sql:
            raise BadInput(
                f"the reward {self.name!r} has the expression {self.sql!r}; give one SQL "
                "expression, such as 'CASE WHEN minutes >= 60 THEN 1.0 ELSE 0.0 END'"
            )


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


def reward_named(text: str) -> Reward:
    """The reward that a command line means: a known name, or `name=SQL expression`.

    Raises:
        BadInput: neither a known name nor a well-formed definition.
    """
    name, equals, sql = text.partition("=")
    if equals:
        if name.strip() in REWARDS:
            raise BadInput(
                f"the reward {name.strip()!r} is already defined; give your expression a new name"
            )
        return Reward(name.strip(), sql.strip())
    if text not in REWARDS:
        raise BadInput(
            f"there is no reward {text!r}; choose one of {', '.join(REWARDS)}, "
            "or define one as 'name=SQL expression'"
        )
    return REWARDS[text]
