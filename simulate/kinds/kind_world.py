"""Members before a title's artwork, synopsis, evidence and trailer: 6 × 3 × 3 × 2 combinations.

What a member makes of each is known exactly, and so is every policy's worth, by enumeration.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, logit

from simulate.kinds.synopses import THEMES
from simulate.named_rng import named_generator

KINDS = ("artwork", "synopsis", "evidence", "trailer")
"""In the order in which a surface shows them."""
SIZES = (6, 3, 3, 2)
"""Candidates of each: 108 combinations."""
TRAITS = len(THEMES)
TASTE_SD = (0.35, 0.2, 0.2, 0.25)
"""Deviation of a logit by how an asset of a kind meets a member's taste. Artwork's is about that of
the artwork world; words and clips are seen after it, by fewer."""
OWN_SD = (0.2, 0.12, 0.12, 0.15)
"""And of what an asset does to everybody."""
TITLE_SD = 0.5
TAKE = 0.15
"""Of an average combination before an average member."""
AGREEMENT = 0.3
"""Deviation of the logit over combinations, by how the kinds agree: set before anything was
measured, so that it is smaller than artwork's effect of .4."""
CROSSED = 0.25
"""Share of that in crosses that are no agreement: a learner of agreement alone is wrong."""
SEEN_SD = 0.5
"""Noise of what is known of an asset's traits and of a member's taste, each 1 in size."""


class Visits(NamedTuple):
    """Members before titles."""

    taste: Float[np.ndarray, "visits traits"]
    facts: Float[np.ndarray, "visits facts"]
    """A constant 1, then what is known of the taste."""
    title: Int[np.ndarray, " visits"]


@dataclass(frozen=True)
class KindWorld:
    """What members would do with any combination.

    Attributes:
        traits: of each kind, each title's candidates: what they stress.
        own: what each does to everybody, a logit.
        title: logit of each title.
        crosses: by pair of kinds, the form by which traits of the two meet.
        agreement: deviation of the logit by all pairs together; 0: kinds do not meet.
        places: what is known of each candidate before anybody saw it.
    """

    traits: tuple[Float[np.ndarray, "titles _ traits"], ...]
    own: tuple[Float[np.ndarray, "titles _"], ...]
    title: Float[np.ndarray, " titles"]
    crosses: dict[tuple[int, int], Float[np.ndarray, "traits traits"]]
    agreement: float
    places: tuple[Float[np.ndarray, "titles _ traits"], ...]

    @classmethod
    def make(cls, titles: int, agreement: float, seed: int) -> "KindWorld":
        """A world of its own for each seed; agreement changes nothing else of it."""
        rng = named_generator("kinds", seed)
        traits = tuple(rng.standard_normal((titles, size, TRAITS)) for size in SIZES)
        own = tuple(
            sd * rng.standard_normal((titles, size)) for sd, size in zip(OWN_SD, SIZES, strict=True)
        )
        pairs = list(combinations(range(len(KINDS)), 2))
        same = np.sqrt(1 - CROSSED) * np.eye(TRAITS) / np.sqrt(TRAITS)
        crosses = {
            pair: (same + np.sqrt(CROSSED) * rng.standard_normal((TRAITS, TRAITS)) / TRAITS)
            / np.sqrt(len(pairs))
            for pair in pairs
        }
        title = logit(TAKE) + TITLE_SD * rng.standard_normal(titles)
        places = tuple(t + SEEN_SD * rng.standard_normal(t.shape) for t in traits)
        return cls(traits, own, title, crosses, agreement, places)

    def visits(self, count: int, rng: np.random.Generator) -> Visits:
        """Members as they come, each before some title."""
        taste = rng.standard_normal((count, TRAITS))
        known = taste + SEEN_SD * rng.standard_normal(taste.shape)
        title = rng.integers(0, len(self.title), count)
        return Visits(taste, np.concatenate([np.ones((count, 1)), known], 1), title)

    def takes(self, visits: Visits) -> Float[np.ndarray, " visits *combinations"]:
        """Probability of a take of every combination, an axis a kind: exact."""
        count = len(visits.title)
        total = np.zeros((count, *SIZES)) + self.title[visits.title].reshape(-1, 1, 1, 1, 1)
        for kind, traits in enumerate(self.traits):
            mine = traits[visits.title]
            met = np.einsum("vt,vkt->vk", visits.taste, mine) / np.sqrt(TRAITS)
            part = TASTE_SD[kind] * met + self.own[kind][visits.title]
            total += part.reshape(count, *_axes(kind))
        if self.agreement:
            for (one, other), form in self.crosses.items():
                left, right = self.traits[one][visits.title], self.traits[other][visits.title]
                part = self.agreement * (left @ form @ right.swapaxes(1, 2))
                total += part.reshape(count, *_axes(one, other))
        return expit(total)


def _axes(*kept: int) -> list[int]:
    return [size if at in kept else 1 for at, size in enumerate(SIZES)]
