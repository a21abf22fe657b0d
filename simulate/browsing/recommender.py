"""Who visits on a day, and which titles a recommender puts on their pages, the likeliest first.

Artwork has no say in either, other than by what members played under it some days before.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from bandit.choice import mix_words, profile_keys, uniforms
from simulate.browsing.habits import Habits
from simulate.browsing.member_memory import MemberMemory
from simulate.named_rng import named_seed
from simulate.world.artwork_world import ArtworkWorld

FAME = 0.5
"""How strongly popularity brings titles onto pages: head titles are on most of them."""
LAST = -1e6
"""Added to what a member has played: it comes after everything else."""


@dataclass(frozen=True)
class Recommender:
    """What decides on a day who comes and what their pages hold."""

    world: ArtworkWorld
    day: int
    habits: Habits
    memory: MemberMemory

    @property
    def live(self) -> Int[np.ndarray, " live"]:
        """Rows of the titles that have been launched."""
        return np.flatnonzero(self.world.truth.launch <= self.day)

    def visitors(self, visits: int, rng: np.random.Generator) -> Int[np.ndarray, " visits"]:
        """Who visits: active members more, and who enjoyed; everybody once before anybody twice."""
        members = len(self.world.members)
        keys = np.log(self.world.members.activity)
        if self.habits.return_boost:
            recent = self.memory.recent_takes(self.day, self.habits.half_life_days)
            keys = keys + np.log1p(self.habits.return_boost * recent)
        rounds = []
        for _ in range(-(-visits // members)):
            rounds.append(np.argsort(-(keys + rng.gumbel(size=members)), kind="stable"))
        return np.concatenate(rounds)[:visits]

    def titles(
        self,
        member: Int[np.ndarray, " visits"],
        taste: Float[np.ndarray, " visits"],
        most: int,
        rng: np.random.Generator,
    ) -> Int[np.ndarray, "visits most"]:
        """Titles of each page, the likeliest first: Gumbel top-k is a draw without replacement.

        Args:
            member: whose page.
            taste: how strongly affinity counts on it.
            most: titles a page.
            rng: of the day.
        """
        live, habits = self.live, self.habits
        fame = FAME * np.log(self.world.truth.popularity[live])
        usual = _UsualPlaces(self.world, live)
        ranked = np.empty((len(member), most), np.int64)
        for start in range(0, len(member), 4096):
            part = slice(start, start + 4096)
            keys = fame + taste[part, None] * self.world.affinities(member[part])[:, live]
            places = rng.gumbel(size=keys.shape)
            if habits.persistence:
                stays = rng.random(keys.shape) < habits.persistence
                places = np.where(stays, usual.of(member[part]), places)
            keys += places
            if habits.skip:
                keys += LAST * self.memory.known_plays(self.day, member[part])[:, live]
            if most < len(live):
                top = np.argpartition(-keys, most - 1, axis=1)[:, :most]
            else:
                top = np.broadcast_to(np.arange(len(live)), keys.shape)
            order = np.argsort(-np.take_along_axis(keys, top, 1), axis=1, kind="stable")
            ranked[part] = live[np.take_along_axis(top, order, 1)]
        return ranked


class _UsualPlaces:
    """A random number for each member and title that is the same on every day: standard Gumbel."""

    def __init__(self, world: ArtworkWorld, live: Int[np.ndarray, " live"]) -> None:
        own = np.uint64(named_seed("usual places"))
        self._members = profile_keys(world.members.profile_ids) ^ own
        self._titles = mix_words(world.truth.title_ids[live].astype(np.uint64))

    def of(self, member: Int[np.ndarray, " visits"]) -> Float[np.ndarray, "visits live"]:
        even = uniforms(mix_words(self._members[member][:, None] ^ self._titles))
        return -np.log(-np.log(np.maximum(even, 1e-300)))
