"""What members saw last, what they played and what they enjoyed: how one day shapes the next."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from data.atomic_write import whole_file
from simulate.browsing.day import Outcomes, Requests
from simulate.browsing.habits import LAG_DAYS
from simulate.world.artwork_world import ArtworkWorld

ArtworkRows = Int[np.ndarray, "members titles"]
DayNumbers = Int[np.ndarray, "members titles"]
NEVER = -1


class MemberMemory:
    """Of each member and title: the artwork seen last, the day of the play, and whether it pleased.

    Args:
        members: how many.
        titles: how many.
    """

    def __init__(self, members: int, titles: int) -> None:
        self._last: ArtworkRows = np.full((members, titles), NEVER, np.int32)
        self._played: DayNumbers = np.full((members, titles), NEVER, np.int16)
        self._taken = np.zeros((members, titles), bool)

    @classmethod
    def of(cls, world: ArtworkWorld) -> "MemberMemory":
        """Of a world's members and titles, before anything was seen."""
        return cls(len(world.members), len(world.truth.title_ids))

    def last_seen(
        self, members: Int[np.ndarray, " seen"], titles: Int[np.ndarray, " seen"]
    ) -> Int[np.ndarray, " seen"]:
        """The artwork that members saw last of titles, −1 if none."""
        return self._last[members, titles]

    def changes(
        self,
        members: Int[np.ndarray, " decisions"],
        titles: Int[np.ndarray, " decisions"],
        candidates: Int[np.ndarray, "decisions candidates"],
    ) -> Bool[np.ndarray, "decisions candidates"]:
        """Whether each candidate differs from what was seen; False if nothing was."""
        last = self._last[members, titles][:, None]
        return (last >= 0) & (last != candidates)

    def remember(self, requests: Requests, outcomes: Outcomes) -> None:
        """What came of some pages: impressions, the later ones in place of the earlier, and plays.

        Args:
            requests: of the pages' places.
            outcomes: of the same places.
        """
        rows = np.flatnonzero(outcomes.rendered)
        artworks = requests.candidates[rows, outcomes.choice[rows]]
        self._last[requests.members[rows], requests.titles[rows]] = artworks
        rows = np.flatnonzero(outcomes.played)
        at = requests.members[rows], requests.titles[rows]
        self._played[at], self._taken[at] = requests.day, outcomes.taken[rows]

    def has_played(
        self, members: Int[np.ndarray, " pairs"], titles: Int[np.ndarray, " pairs"]
    ) -> Bool[np.ndarray, " pairs"]:
        """Whether members have played titles, up to this moment."""
        return self._played[members, titles] != NEVER

    def known_plays(
        self, day: int, members: Int[np.ndarray, " pages"]
    ) -> Bool[np.ndarray, "pages titles"]:
        """What a recommender knows on a day that members have played."""
        played = self._played[members]
        return (played != NEVER) & (played <= day - LAG_DAYS)

    def recent_takes(self, day: int, half_life_days: float) -> Float[np.ndarray, " members"]:
        """How much members have enjoyed of late: takes, an older one counting less.

        Args:
            day: today; takes of the last LAG_DAYS do not count yet.
            half_life_days: the age at which a take counts half.
        """
        member, title = np.nonzero(self._taken & (self._played <= day - LAG_DAYS))
        age = day - self._played[member, title].astype(np.float64)
        return np.bincount(member, 0.5 ** (age / half_life_days), minlength=len(self._taken))

    def write(self, file: Path) -> None:
        """Store it, whole or not at all."""
        with whole_file(file) as part, part.open("wb") as opened:
            np.savez(opened, last=self._last, played=self._played, taken=self._taken)

    @classmethod
    def read(cls, file: Path) -> "MemberMemory":
        """What `write` stored."""
        memory = cls(0, 0)
        with np.load(file) as stored:
            memory._last, memory._played = stored["last"], stored["played"]
            memory._taken = stored["taken"]
        return memory
