"""A world of weeks: what each member would do with each artwork, and what moves their trust."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.special import expit, logit

from simulate.browsing.recommender import FAME
from simulate.longterm.trust_effects import LURE, TrustEffects
from simulate.named_rng import named_generator
from simulate.world.artwork_world import ArtworkWorld

TASTE = 0.5
"""How strongly affinity brings titles onto a page: the home page's."""
PAGES = 40
"""By which a member's usual takes are known."""
SLOTS = 6
"""Titles of a page that a member looks at."""

Chances = Float32[np.ndarray, "members titles candidates"]
"""A policy: the probability of each candidate for each member and title; each sums to 1."""


@dataclass(frozen=True)
class LongWorld:
    """Members and titles whose every response at trust 0 is known.

    Attributes:
        artworks: candidates of each title, as rows of the catalogue.
        logit: of a play of each candidate.
        liked: probability that it is enjoyed, once played.
        mislead: share of what each candidate shows that its title has not.
        lean: log weights by which titles come onto a member's page.
        activity: logits of a day's visit at trust 0.
        affinity: of members to titles.
        effect: what each candidate adds to the logit of a play, its lure apart.
        effects: of trust.
    """

    artworks: Int[np.ndarray, "titles candidates"]
    logit: Float32[np.ndarray, "members titles candidates"]
    liked: Float32[np.ndarray, "members titles candidates"]
    mislead: Float32[np.ndarray, "titles candidates"]
    lean: Float32[np.ndarray, "members titles"]
    activity: Float[np.ndarray, " members"]
    affinity: Float32[np.ndarray, "members titles"]
    effect: Float32[np.ndarray, "members titles candidates"]
    effects: TrustEffects

    @classmethod
    def of(
        cls, world: ArtworkWorld, effects: TrustEffects | None = None, lure: float = LURE
    ) -> "LongWorld":
        """Of an artwork world all of whose titles have as many candidates.

        Args:
            world: its catalogue has no arrivals.
            effects: of trust; the usual ones if None.
            lure: logits of a play that a wholly misleading poster adds.

        Raises:
            ValueError: titles have different numbers of candidates.
        """
        artworks, valid = world.truth.candidates()
        if not valid.all():
            raise ValueError(
                "titles have different numbers of artworks; render the catalogue without arrivals"
            )
        effects = effects or TrustEffects()
        members = np.arange(len(world.members))
        who, titles = members[:, None], np.arange(len(artworks))
        affinity = np.asarray(world.affinity(who, titles))
        effect = np.asarray(world.artwork_effect(who[..., None], artworks))
        mislead = world.truth.mislead[artworks]
        play = world.effects.base_play + affinity[..., None] + effect + lure * mislead
        fame = FAME * np.log(world.truth.popularity)
        return cls(
            artworks,
            play.astype(np.float32),
            np.asarray(world.enjoy_probability(who[..., None], artworks)).astype(np.float32),
            mislead.astype(np.float32),
            (fame + TASTE * affinity).astype(np.float32),
            float(logit(effects.visits)) + np.log(world.members.activity),
            affinity.astype(np.float32),
            effect.astype(np.float32),
            effects,
        )

    @property
    def members(self) -> int:
        """How many."""
        return len(self.logit)

    def part(self, members: Int[np.ndarray, " some"]) -> "LongWorld":
        """The same for some of its members, who may stand there more than once."""
        names = ("logit", "liked", "lean", "activity", "affinity", "effect")
        return replace(self, **{name: getattr(self, name)[members] for name in names})

    def with_effects(self, effects: TrustEffects) -> "LongWorld":
        """The same people under other effects of trust."""
        return replace(self, effects=effects)

    @cached_property
    def takes(self) -> Chances:
        """Expected take of each candidate, once looked at, at trust 0."""
        return expit(self.logit) * self.liked

    @cached_property
    def usual_takes(self) -> Float[np.ndarray, " members"]:
        """Of each member, the expected takes of a page of even draws, over pages as they come."""
        rng = named_generator("usual takes")
        title, total = self.takes.mean(2), np.zeros(self.members)
        slots = min(SLOTS, title.shape[1])
        for _ in range(PAGES):
            keys = self.lean + rng.gumbel(size=self.lean.shape)
            page = np.argpartition(-keys, slots - 1, axis=1)[:, :slots]
            total += np.take_along_axis(title, page, 1).sum(1)
        return total / PAGES

    @cached_property
    def even(self) -> Chances:
        """The policy that draws evenly."""
        return np.full(self.logit.shape, 1 / self.logit.shape[2], np.float32)


def best_of(scores: Float[np.ndarray, "members titles candidates"], floor: float = 0.0) -> Chances:
    """The policy that takes the best score, with a share of even draws.

    Args:
        scores: of each candidate.
        floor: share of even draws.
    """
    count = scores.shape[-1]
    chances = np.full(scores.shape, floor / count, np.float32)
    best = scores.argmax(-1)[..., None]
    np.put_along_axis(chances, best, 1 - floor + floor / count, -1)
    return chances
