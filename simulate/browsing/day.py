"""What a browsing day is made of: how members browse, what is asked, what comes of it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data.errors import BadInput
from simulate.browsing.habits import Habits


@dataclass(frozen=True)
class Browsing:
    """How members browse."""

    decisions_per_day: int = 10_000
    """Places on all pages of a day."""
    seed: int = 1
    """Of visits and outcomes; also the salt of choices."""
    competition: bool = False
    """Titles on a page compete for one play."""
    delay_days: float = 0.0
    """Plays and progress reach the log this much later than usual."""
    keep_probabilities: bool = False
    """Log the probabilities of all candidates, not only the propensity."""
    habits: Habits = field(default_factory=Habits)
    """What members meet again, skip, and come back for."""

    def __post_init__(self) -> None:
        if self.decisions_per_day < 1:
            raise BadInput(f"--decisions-per-day {self.decisions_per_day}: at least 1 is needed")
        if self.delay_days < 0:
            raise BadInput(f"--delay-days {self.delay_days}: it cannot be negative")


class Requests(NamedTuple):
    """What a policy is asked: for whom, for which title, among which artworks (rows)."""

    day: int
    members: Int[np.ndarray, " decisions"]
    titles: Int[np.ndarray, " decisions"]
    candidates: Int[np.ndarray, "decisions candidates"]
    valid: Bool[np.ndarray, "decisions candidates"]
    facts: pa.StructArray


class Choices(NamedTuple):
    """What a policy made of requests."""

    policy: str
    probabilities: Float[np.ndarray, "decisions candidates"]
    choice: Int[np.ndarray, " decisions"]  # place among the candidates
    seeds: Int[np.ndarray, " decisions"]
    decision_ids: pa.Array


class Outcomes(NamedTuple):
    """What came of a day's decisions."""

    choice: Int[np.ndarray, " decisions"]  # place among the candidates
    rendered: Bool[np.ndarray, " decisions"]
    played: Bool[np.ndarray, " decisions"]
    taken: Bool[np.ndarray, " decisions"]


class DayLog(NamedTuple):
    """One day: public tables, the truth of its decisions, and arrays for those who evaluate."""

    day: int
    decisions: pa.Table  # DECISIONS
    events: pa.Table  # EVENTS
    expected: pa.Table  # EXPECTED, aligned with the candidates
    requests: Requests
    takes: Float[np.ndarray, "decisions candidates"]  # expected, given that it is rendered
    outcomes: Outcomes
