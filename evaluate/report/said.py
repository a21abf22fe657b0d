"""Parts of a summary, as plain numbers."""

from typing import TypedDict


class LogSpan(TypedDict):
    """What a log holds."""

    decisions: int
    impressions: int | None
    """Pages that showed the decisions; None: not counted."""
    takes: float
    profiles: int
    titles: int
    artworks: int
    first_day: str
    last_day: str


class EstimateRecord(TypedDict):
    """An estimate as summaries have it."""

    value: float
    low: float
    high: float
    verdict: str
    reason: str
