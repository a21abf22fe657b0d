"""A rule as people fill it in: what, of what, for whom, from when until when, who and why."""

import re
import secrets
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from data import clock
from data.catalogue import Catalogue
from data.check.known import title_named
from data.command_line.names import names
from data.errors import BadInput
from data.schema.schema import SHIPPED, Schema

BETWEEN = re.compile(r"\s*([^\s,]*)\s*\.\.\s*([^\s,]*)\s*")
"""`12..17`, `12..` and `..17`: numbers from the one to the other."""
LONGEST = 500


class RuleForm(BaseModel):
    """What the form says; what is left empty is not asked for."""

    effect: str = Field(default="deny", max_length=LONGEST)
    title: str = Field(default="", max_length=LONGEST)
    artwork: str = Field(default="", max_length=LONGEST)
    share: str = Field(default="", max_length=LONGEST)
    begins: str = Field(default="", max_length=LONGEST)
    """As `2026-04-01T00:00`, in UTC."""
    until: str = Field(default="", max_length=LONGEST)
    fact: str = Field(default="", max_length=LONGEST)
    """That members or pages must have."""
    values: str = Field(default="", max_length=LONGEST)
    """With commas between, or numbers as `12..17`."""
    fact2: str = Field(default="", max_length=LONGEST)
    values2: str = Field(default="", max_length=LONGEST)
    who: str = Field(default="", max_length=LONGEST)
    why: str = Field(default="", max_length=LONGEST)

    def rule(self, catalogue: Catalogue, who: str) -> dict[str, object]:
        """The rule, as `data.rules.as_json` has it.

        Args:
            catalogue: that it is for.
            who: wants it, where the form does not say.

        Raises:
            BadInput: it is about nothing, or a number or a condition is none.
        """
        about: dict[str, object] = {"artwork": self.artwork} if self.artwork else {}
        if self.title:
            about["title"] = title_named(catalogue, self.title)
        if not about:
            raise BadInput("the rule is about nothing; name an artwork or a title")
        stamp = datetime.fromtimestamp(clock.now(), UTC)
        name = f"{self.effect}-{stamp:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        rule: dict[str, object] = {"id": name, "effect": self.effect, "about": about}
        if where := self._where():
            rule["where"] = where
        if self.begins:
            rule["from"] = f"{self.begins}Z"
        if self.until:
            rule["until"] = f"{self.until}Z"
        if self.share:
            try:
                rule["share"] = float(self.share)
            except ValueError:
                raise BadInput(f"share {self.share!r:.40} is no number; write 0.05") from None
        return rule | {"who": self.who or who, "why": self.why}

    def _where(self) -> dict[str, object]:
        where: dict[str, object] = {}
        for fact, values in ((self.fact, self.values), (self.fact2, self.values2)):
            if not fact and not values.strip():
                continue
            if not fact or not values.strip():
                raise BadInput(
                    "a condition wants both a fact and its values, as country and DE, AT; fill in"
                    " both, or neither"
                )
            if fact in where:
                raise BadInput(f"both conditions ask for {fact}; write all its values in one")
            where[fact] = _values(fact, values)
        return where


def facts_of(schema: Schema) -> list[str]:
    """Facts that rules may ask for: those of one value."""
    every = {fact.name: fact.kind for fact in (*SHIPPED.facts, *schema.facts)}
    return [name for name, kind in every.items() if kind in ("category", "number")]


def _values(fact: str, text: str) -> object:
    """A list, or bounds."""
    if (ends := BETWEEN.fullmatch(text)) is None:
        return names([text])
    try:
        return {
            name: float(end)
            for name, end in zip(("least", "most"), ends.groups(), strict=True)
            if end
        }
    except ValueError:
        raise BadInput(
            f"{fact} {text!r:.40}: write numbers from one to the other as 12..17"
        ) from None
