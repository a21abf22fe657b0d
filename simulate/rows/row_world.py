"""Rows whose slots affect each other, and the exact value of each: K^L of them, enumerated."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from bandit.rows.row_chances import RowChances
from simulate.browsing.pages import place_offsets
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.neighbours import alike

MOST_ROWS = 100_000
"""Possible rows of a context, beyond which they are too many to enumerate."""


@dataclass(frozen=True)
class RowWorld:
    """What members would do with any row, context by context.

    Attributes:
        artworks: candidates of each slot, as rows of the catalogue.
        logit: of a play of each candidate by itself in its slot.
        liked: probability of a take, once played.
        alike: of a slot's candidates with those of the slot after it.
        neighbour: added to the logits of two neighbours for each SD of alikeness.
        competition: titles of a row compete for one play.
    """

    artworks: Int[np.ndarray, "contexts slots candidates"]
    logit: Float[np.ndarray, "contexts slots candidates"]
    liked: Float[np.ndarray, "contexts slots candidates"]
    alike: Float[np.ndarray, "contexts later candidates candidates"]
    neighbour: float = 0.0
    competition: bool = False

    def __post_init__(self) -> None:
        _, slots, candidates = self.logit.shape
        if candidates**slots > MOST_ROWS:
            raise ValueError(
                f"{candidates} candidates in {slots} slots make {candidates**slots:,} rows; only"
                f" {MOST_ROWS:,} can be enumerated: take fewer of either"
            )

    @classmethod
    def of(
        cls,
        world: ArtworkWorld,
        members: Int[np.ndarray, " contexts"],
        titles: Int[np.ndarray, "contexts slots"],
        competition: bool = False,
    ) -> "RowWorld":
        """The first row of home pages.

        Args:
            world: whose `neighbour` counts; all its titles have as many candidates.
            members: whose pages, rows of the world.
            titles: in each slot, rows of the world.
            competition: titles of a row compete for one play.
        """
        artworks = world.truth.candidates()[0][titles]
        column = np.arange(titles.shape[1])
        offset = place_offsets(world, np.zeros_like(column), np.zeros_like(column), column)
        who = members[:, None, None]
        return cls(
            artworks,
            np.asarray(world.play_logit(who, artworks, offset[:, None])),
            np.asarray(world.enjoy_probability(who, artworks)),
            np.asarray(alike(world.truth, artworks[:, :-1, :, None], artworks[:, 1:, None, :])),
            world.neighbour,
            competition,
        )

    @cached_property
    def every(self) -> Int[np.ndarray, "all slots"]:
        """Every possible row, as places among the candidates."""
        _, slots, candidates = self.logit.shape
        return np.indices((candidates,) * slots).reshape(slots, -1).T

    @cached_property
    def values(self) -> Float[np.ndarray, "contexts all"]:
        """Expected takes of each possible row: exact."""
        count = len(self.every)
        each = [
            self.takes(np.full(count, context), self.every).sum(1)
            for context in range(len(self.logit))
        ]
        return np.stack(each)

    @cached_property
    def best(self) -> Float[np.ndarray, " contexts"]:
        """Of the best row of each context."""
        return self.values.max(1)

    def plays(
        self, context: Int[np.ndarray, " draws"], choice: Int[np.ndarray, "draws slots"]
    ) -> Float[np.ndarray, "draws slots"]:
        """Probability of a play of each slot of some rows."""
        at = np.arange(choice.shape[1])
        logit = self.logit[context[:, None], at, choice]
        if self.neighbour:
            pairs = self.alike[context[:, None], at[:-1], choice[:, :-1], choice[:, 1:]]
            logit[:, 1:] += self.neighbour * pairs
            logit[:, :-1] += self.neighbour * pairs
        if not self.competition:
            return expit(logit)
        odds = np.exp(logit)
        return odds / (1 + odds.sum(1, keepdims=True))

    def takes(
        self, context: Int[np.ndarray, " draws"], choice: Int[np.ndarray, "draws slots"]
    ) -> Float[np.ndarray, "draws slots"]:
        """Expected takes of each slot of some rows."""
        liked = self.liked[context[:, None], np.arange(choice.shape[1]), choice]
        return self.plays(context, choice) * liked

    def worth(self, policy: RowChances) -> Float[np.ndarray, " contexts"]:
        """Expected takes of a row under a policy, in each context: exact."""
        count = len(self.every)
        return np.array(
            [
                policy.conditional(np.full(count, context), self.every).prod(1) @ values
                for context, values in enumerate(self.values)
            ]
        )

    def respond(
        self,
        context: Int[np.ndarray, " draws"],
        choice: Int[np.ndarray, "draws slots"],
        rng: np.random.Generator,
    ) -> tuple[Bool[np.ndarray, "draws slots"], Bool[np.ndarray, "draws slots"]]:
        """What members play of some rows, and what they take."""
        chance = self.plays(context, choice)
        if self.competition:
            # One draw a row; the play goes to the title in whose stretch it falls.
            ends = np.cumsum(chance, axis=1)
            point = rng.random((len(choice), 1))
            played = (ends - chance <= point) & (point < ends)
        else:
            played = rng.random(choice.shape) < chance
        liked = self.liked[context[:, None], np.arange(choice.shape[1]), choice]
        return played, played & (rng.random(choice.shape) < liked)
