"""Rows of a log that estimates may weigh, and why the others are left out."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.support import has_support
from data.errors import BadInput
from data.records import SHOWN

PERSONALISED = "personalised"
"""The level of a decision that its policy drew."""
BY_RULE = "chosen by a rule"
"""Why rows are left out that are marked so, or list what was shown alone of several."""
NAMED = 3
"""Artworks that a reason names; `data check` names all."""


class NoSupport(BadInput):
    """No row of a log was drawn at random, so nothing can be said of any other policy."""


class SupportRecord(TypedDict):
    """`Support` as summaries have it."""

    rows: int
    drawn: int
    left_out: dict[str, int]
    unconditional: int
    words: list[str]


@dataclass(frozen=True)
class Support:
    """How many rows of a log say what else could have been shown.

    Attributes:
        rows: of the whole log.
        drawn: of them with support among several candidates: what other policies are judged by.
        left_out: reason → rows without support, or without an image, which no estimate weighs.
        unconditional: rows whose propensity may not be conditional on what was shown before.
    """

    rows: int = 0
    drawn: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    unconditional: int = 0

    @property
    def share_left_out(self) -> float:
        """Share of the log that no estimate weighs."""
        return sum(self.left_out.values()) / self.rows if self.rows else 0.0

    @classmethod
    def sum(cls, parts: Iterable["Support"]) -> "Support":
        """Of all batches of one log."""
        rows, drawn, unconditional = 0, 0, 0
        left_out: Counter[str] = Counter()
        for part in parts:
            rows += part.rows
            drawn += part.drawn
            unconditional += part.unconditional
            left_out.update(part.left_out)
        return cls(rows, drawn, dict(left_out.most_common()), unconditional)

    def refuse_none(self, source: str) -> None:
        """Refuse a log in which nothing was drawn.

        Args:
            source: what the message calls the log.

        Raises:
            NoSupport: every row is left out, but for those of one candidate.
        """
        if self.left_out and not self.drawn:
            raise NoSupport(
                f"{source}: of {self.rows:,} rows none was drawn at random ({self.reasons()}), so"
                " nothing is known of any other policy; log choices of a policy that explores,"
                " each with the probability that it was drawn with (propensity below 1, level"
                " personalised or probabilities of all candidates)"
            )

    def record(self) -> SupportRecord:
        """The same as plain values, with what it means."""
        return {
            "rows": self.rows,
            "drawn": self.drawn,
            "left_out": dict(self.left_out),
            "unconditional": self.unconditional,
            "words": self.words(),
        }

    def and_offering(self, rows: int, lacking: Collection[str]) -> "Support":
        """The same log with further rows, that offer artworks whose image cannot be had.

        Leaving out those alone that showed one would bias estimates: what a policy is judged by
        would depend on what was drawn.

        Args:
            rows: that offer one of them.
            lacking: the artworks.
        """
        if not rows:
            return self
        named = ", ".join(sorted(lacking)[:NAMED])
        more = f" and {len(lacking) - NAMED:,} more" if len(lacking) > NAMED else ""
        reason = f"offering {named}{more}, whose image cannot be had"
        return replace(self, rows=self.rows + rows, left_out={**self.left_out, reason: rows})

    def words(self) -> list[str]:
        """What was left out or is doubtful, and what that means; empty where nothing is."""
        words = []
        if self.left_out:
            count = sum(self.left_out.values())
            words.append(
                f"{self.share_left_out:.1%} of the log ({count:,} of {self.rows:,} rows) is left"
                f" out ({self.reasons()}): estimates speak of the other pages that were"
                " decided at random, and if those left out differ, so may their value"
            )
        if self.unconditional:
            words.append(
                f"{self.unconditional:,} of {self.rows:,} rows are a bundle's choices of schema 1:"
                " where those were precomputed they were kept or renewed depending on what was"
                " drawn, so their propensities are not conditional ones, and estimates may be off"
                " by more than their intervals say"
            )
        return words

    def reasons(self) -> str:
        """Why rows were left out, and which share of all each reason has."""
        return ", ".join(f"{n / self.rows:.1%} {reason}" for reason, n in self.left_out.items())


EVERY_ROW = Support()
"""Where no row was left out, and nobody counted."""


def support_of(
    propensity: Float[np.ndarray, " rows"],
    candidates: Int[np.ndarray, " rows"],
    level: np.ndarray | None,
    least: Float[np.ndarray, " rows"],
    rule: Bool[np.ndarray, " rows"] | None = None,
) -> tuple[Bool[np.ndarray, " rows"], Support]:
    """Which rows have support, and how many others there are, by reason.

    Args:
        propensity: of what was shown.
        candidates: how many there were.
        level: of each decision; None where the log has no levels, and every row is a policy's own.
        least: smallest logged probability of a candidate; NaN where there is none.
        rule: marked as chosen by a rule, whatever else the row says; None: none is.
    """
    names = np.full(len(propensity), PERSONALISED, object) if level is None else level
    personalised = np.isin(names, (PERSONALISED, SHOWN))
    marked = np.zeros(len(propensity), bool) if rule is None else rule
    drawn = has_support(propensity, candidates, personalised, least) & ~marked
    left_out: Counter[str] = Counter()
    fallback = ~drawn & ~marked & ~personalised & ~(least > 0)
    left_out.update(f"level {name}" for name in names[fallback])
    certain = ~drawn & ~marked & ~fallback & (propensity >= 1)
    for reason, rows in (
        (BY_RULE, marked),
        ("propensity 1 of several candidates", certain),
        ("a candidate that could not be drawn", ~drawn & ~marked & ~fallback & ~certain),
    ):
        if rows.any():
            left_out[reason] = int(rows.sum())
    several = int((drawn & (candidates > 1)).sum())
    return drawn, Support(len(drawn), several, dict(left_out))
