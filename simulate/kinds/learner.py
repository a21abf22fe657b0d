"""Learners of combinations: jointly, or each kind by itself; exact probabilities."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from bandit.kinds.in_order import chances_in_order
from bandit.kinds.kind_scores import KindScores, Valid
from bandit.kinds.kind_terms import KindTerms, Owns
from bandit.kinds.logistic_posterior import ROUNDS, LogisticPosterior
from simulate.kinds.kind_world import SIZES, TRAITS, KindWorld, Visits

Manner = Literal["joint", "independent", "separate"]
"""One posterior with pairs; one without, so that each kind is chosen by itself; one a kind, each
blind to the other kinds."""
FACTS = TRAITS + 1
BLOCK = 500
"""Visits decided at a time: all combinations of all heads lie in memory."""


@dataclass(frozen=True)
class KindLearner:
    """What is known of kinds, in one posterior or in one a kind.

    Attributes:
        world: whose places it sees; it never reads more of it.
        terms: of each of its posteriors.
        kinds: which kinds each posterior is of.
        posteriors: what is known.
        cold: kinds whose assets are in no log: nothing is known of their own effects.
    """

    world: KindWorld
    terms: tuple[KindTerms, ...]
    kinds: tuple[tuple[int, ...], ...]
    posteriors: tuple[LogisticPosterior, ...] = field(default=())
    cold: tuple[int, ...] = ()

    @classmethod
    def new(cls, world: KindWorld, manner: Manner) -> "KindLearner":
        """Before any take, with the priors that `KindTerms` has."""
        every = tuple(range(len(SIZES)))
        kinds = tuple((kind,) for kind in every) if manner == "separate" else (every,)
        owns = [places.shape[0] * places.shape[1] for places in world.places]
        numbers = [places.shape[2] for places in world.places]
        terms = tuple(
            KindTerms(
                FACTS,
                tuple(numbers[kind] for kind in of),
                tuple(owns[kind] for kind in of),
                titles=len(world.title),
                rank=TRAITS if manner == "joint" else 0,
            )
            for of in kinds
        )
        prior = tuple(LogisticPosterior.before(each.prior_sd()) for each in terms)
        return cls(world, terms, kinds, prior)

    def learn(
        self,
        visits: Visits,
        choice: Int[np.ndarray, "visits kinds"],
        takes: Float[np.ndarray, " visits"],
        rounds: int = ROUNDS,
    ) -> "KindLearner":
        """After a batch of visits; −1 is a kind that was not shown.

        Args:
            visits: members before titles.
            choice: what was shown.
            takes: what came of it.
            rounds: of learning the scales of effects.
        """
        posteriors = []
        for terms, of, posterior in zip(self.terms, self.kinds, self.posteriors, strict=True):
            places, owns = [], []
            for kind in of:
                given = self.world.places[kind]
                shown = choice[:, kind] >= 0
                place = given[visits.title, choice[:, kind]]
                places.append(np.where(shown[:, None], place, 0.0))
                own = visits.title * given.shape[1] + choice[:, kind]
                owns.append(np.where(shown, own, -1))
            made = terms.of_chosen(visits.facts, tuple(places), tuple(owns), visits.title)
            posteriors.append(posterior.update(made, takes).rescaled(terms.scales(), rounds))
        return replace(self, posteriors=tuple(posteriors))

    def scores(
        self, visits: Visits, weights: tuple[Float[np.ndarray, "heads _"], ...]
    ) -> KindScores:
        """What heads say of every candidate and pair."""
        own: list[np.ndarray] = [np.empty(0)] * len(SIZES)
        pair = {}
        for terms, of, drawn in zip(self.terms, self.kinds, weights, strict=True):
            places = tuple(self.world.places[kind][visits.title] for kind in of)
            made = terms.scores(drawn, visits.facts, places, self._owns(visits, of))
            for kind, part in zip(of, made.own, strict=True):
                own[kind] = part
            pair |= made.pair
        return KindScores(tuple(own), pair)

    def chances(
        self, visits: Visits, heads: int, epsilon: float, seed: int, doubt: float = 1.0
    ) -> Float[np.ndarray, " visits *combinations"]:
        """Probability of every combination by Thompson sampling; by the mean where heads is 0."""
        weights = self.heads(heads, seed, doubt)
        found = []
        for part in blocks(visits):
            found.append(chances_in_order(self.scores(part, weights), shown(part), epsilon).joint)
        return np.concatenate(found)

    def heads(
        self, heads: int, seed: int, doubt: float = 1.0
    ) -> tuple[Float[np.ndarray, "heads _"], ...]:
        """Draws of the weights, those of each posterior; the mean alone where heads is 0."""
        rng = np.random.default_rng(seed)
        if not heads:
            return tuple(posterior.mean[None] for posterior in self.posteriors)
        return tuple(posterior.heads(heads, rng, doubt) for posterior in self.posteriors)

    def _owns(self, visits: Visits, of: tuple[int, ...]) -> Owns:
        found = []
        for kind in of:
            size = self.world.places[kind].shape[1]
            own = visits.title[:, None] * size + np.arange(size)
            found.append(np.full_like(own, -1) if kind in self.cold else own)
        return tuple(found)


def shown(visits: Visits, kinds: tuple[int, ...] = (0, 1, 2, 3)) -> Valid:
    """All candidates of the kinds that the surface shows."""
    count = len(visits.title)
    return tuple(np.full((count, size), kind in kinds) for kind, size in enumerate(SIZES))


def blocks(visits: Visits) -> list[Visits]:
    """The same visits, few at a time."""
    starts = range(0, len(visits.title), BLOCK)
    return [Visits(*(part[at : at + BLOCK] for part in visits)) for at in starts]


def even() -> Float[np.ndarray, "*combinations"]:
    """Probability of every combination where each kind is drawn evenly."""
    return np.full(SIZES, 1 / np.prod(SIZES))


def drawn(
    chances: Float[np.ndarray, " visits *combinations"], rng: np.random.Generator
) -> Int[np.ndarray, "visits kinds"]:
    """Combinations drawn by their probabilities."""
    count = len(chances)
    ends = np.cumsum(chances.reshape(count, -1), axis=1)
    point = rng.random((count, 1)) * ends[:, -1:]
    at = np.minimum((ends <= point).sum(1), ends.shape[1] - 1)
    return np.stack(np.unravel_index(at, chances.shape[1:]), axis=1)
