"""What a title shows where it is not decided live."""

from typing import NamedTuple

import orjson

from data.records import TitleId
from serve.maps.page_urls import PLACEHOLDER as PLACEHOLDER_URL
from serve.pictures.url import artwork_url

HOLDOUT = "holdout"
"""Why a page shows what all members are shown where that is what is meant: no failure."""
PLACEHOLDER = "placeholder"
"""Fallback level of a title that the catalogue lacks."""


class FallbackChoice(NamedTuple):
    """What a title shows by a fallback, to any member."""

    title_id: TitleId
    artwork_id: str
    path: str  # empty: the placeholder's image
    decision_id: str | None
    level: str
    candidates: orjson.Fragment  # JSON of the candidates' ids
    propensity: float = 1.0

    def to_json(self, base_url: str) -> str:
        """The choice as an answer says it."""
        decision = {
            "title_id": self.title_id,
            "artwork_id": self.artwork_id,
            "url": artwork_url(base_url, self.path) if self.path else PLACEHOLDER_URL,
            "level": self.level,
            "decision_id": self.decision_id,
            "propensity": self.propensity,
        }
        return orjson.dumps(decision).decode()


def placeholder(title: TitleId) -> str:
    """What a title outside the catalogue shows, as JSON."""
    choice = FallbackChoice(title, "", "", None, PLACEHOLDER, orjson.Fragment(b"[]"))
    return choice.to_json("")
