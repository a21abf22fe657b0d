"""Rules and their changes as HTTP has them, as its documentation shows them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from data.rules.audit import RuleChange
from serve.live.schema import Moment

Names = str | int | list[str | int]
Values = str | int | float | list[str | int | float] | dict[str, int | float]
"""A category may be a whole number, which 5.0 is not."""
Option = dict[str, object]


class SentRule(BaseModel):
    """A rule, as docs/rules.md has it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    id: str = Field(
        min_length=1, max_length=80, description="letters from a to z, digits, _ . or -"
    )
    effect: str = Field(description="allow, deny, pin, floor or cap")
    about: dict[str, Names | dict[str, Names]] = Field(
        description="artwork, title, tag, canvas, text_language"
    )
    where: dict[str, Values] | None = Field(
        None, description="facts: values, or {least, most} of a number; everywhere if left out"
    )
    since: str | None = Field(None, alias="from", description="a minute with its zone")
    until: str | None = Field(None, description="a minute with its zone; for ever if left out")
    share: float | None = Field(None, description="of a floor or a cap")
    who: str = Field(min_length=1)
    why: str = Field(min_length=1)


class ListedRule(SentRule):
    """A rule that is there."""

    state: Literal["holds", "to come", "ended"] = Field(description="by its time, now")
    place: str = Field(description="where it is written")


class ListedRules(BaseModel):
    """All rules."""

    version: str = Field(description="to send as If-Match with a change")
    in_use: str | None = Field(description="version that this process decides by; null: none yet")
    rules: list[ListedRule]


class EndedRule(BaseModel):
    """Who lets a rule end, why, and when."""

    model_config = ConfigDict(extra="forbid")
    who: str = Field(min_length=1)
    why: str = Field(min_length=1)
    at: Moment | None = Field(None, description="a minute, ISO 8601; now if left out")


class AuditEntry(BaseModel):
    """One change of rules."""

    number: int
    at_us: int = Field(description="microseconds since 1970-01-01 UTC")
    what: str = Field(description="found, added, ended, taken out, edited")
    rules: dict[str, Option | None] = Field(
        description="those that were changed, as they are from then on; null: gone"
    )
    who: str
    why: str
    by: str = Field(description="holder of the token; other hands: the file was edited")
    before: str
    after: str
    previous: str
    hash: str

    @classmethod
    def of(cls, change: RuleChange) -> "AuditEntry":
        """One of the log."""
        return cls(**vars(change))


class AuditAnswer(BaseModel):
    """Changes, the newest first."""

    changes: list[AuditEntry]


class ChangedRule(BaseModel):
    """What a change came to."""

    version: str = Field(description="of the rules from now on")
    rule: SentRule
    change: AuditEntry | None = Field(description="as the audit log has it; null: only tried")
