"""How members' habits go on from page to page: what they meet again, skip, and come back for."""

from dataclasses import dataclass

from data.errors import BadInput

LAG_DAYS = 3
"""The recommender and the wish to come back know what was played so many days before, not later.

Pipelines are nightly and not in a hurry. It also makes the truth of a draw exact: within the 48
hours in which a draw is judged, which pages show its title does not depend on what it fell on."""


@dataclass(frozen=True)
class Habits:
    """What members do that depends on what they did before."""

    persistence: float = 0.6
    """Chance that a title has its usual place among a member's titles, and not a new random one: so
    a member meets the same titles page after page. 0: every page is drawn anew."""
    skip: bool = True
    """Who has played a title looks away from it, and after some days it is recommended last."""
    return_boost: float = 0.3
    """Who enjoyed comes back: each recent take adds this share to how often a member visits."""
    half_life_days: float = 4.0
    """After so many days a take counts half for coming back."""

    def __post_init__(self) -> None:
        if not 0 <= self.persistence <= 1:
            raise BadInput(f"--habits.persistence {self.persistence}: a chance, from 0 to 1")
        if self.return_boost < 0:
            raise BadInput(f"--habits.return-boost {self.return_boost}: it cannot be negative")
        if self.half_life_days <= 0:
            raise BadInput(f"--habits.half-life-days {self.half_life_days}: give more than 0")


NO_HABITS = Habits(persistence=0.0, skip=False, return_boost=0.0)
"""Each page as if it were the member's first."""
