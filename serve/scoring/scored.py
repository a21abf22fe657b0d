"""What a bundle's graphs say of artworks and of members, and the scores of both together.

Each head's score of an artwork is the product of functional and vector, and the match of names,
which is the same for all heads.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bandit.probabilities import head_scores
from data.features import CandidateFeatures, ContextFeatures, Names, NameTable, own_matches


class Artworks(NamedTuple):
    """What a bundle says of artworks; one of before names met by equality says no names."""

    vectors: Float[np.ndarray, "*artworks dimension"]
    appeals: Float[np.ndarray, "*artworks appeal"]
    name_ids: Int[np.ndarray, "*artworks names"]
    name_weights: Float[np.ndarray, "*artworks names"]

    @classmethod
    def said(cls, outputs: Sequence[np.ndarray], features: CandidateFeatures) -> "Artworks":
        """Of the outputs of a candidate graph for these features."""
        vectors, appeals, *named = outputs
        names = Names.none(len(vectors))
        if named:
            ids = np.concatenate([features.cast_ids, features.title_cast_ids], 1)
            names = Names(ids, named[0]).compact()
        return cls(vectors, appeals, *names)

    @property
    def names(self) -> Names:
        """Whom each names, and how much that counts."""
        return Names(self.name_ids, self.name_weights)

    def at(self, rows: np.ndarray | slice) -> "Artworks":
        """Those of some rows."""
        return Artworks(*(part[rows] for part in self))


class ScoredMembers(NamedTuple):
    """What a bundle says of members."""

    functionals: Float[np.ndarray, "members heads dimension"]
    appeals: Float[np.ndarray, "members appeal"]
    name_ids: Int[np.ndarray, "members names"]
    name_weights: Float[np.ndarray, "members names"]

    @classmethod
    def said(cls, outputs: Sequence[np.ndarray], features: ContextFeatures) -> "ScoredMembers":
        """Of the outputs of a context graph for these features."""
        functionals, appeals, *watched = outputs
        names = Names(features.cast_ids, watched[0]) if watched else Names.none(len(functionals))
        return cls(functionals, appeals, *names)

    @property
    def names(self) -> Names:
        """Whom each watches most, and how much a match with them counts."""
        return Names(self.name_ids, self.name_weights)

    def at(self, rows: np.ndarray | slice) -> "ScoredMembers":
        """Some of them."""
        return ScoredMembers(*(part[rows] for part in self))

    def scores(self, artworks: Artworks) -> Float[np.ndarray, "members heads candidates"]:
        """Each head's score of each member's own candidates: [members, candidates] artworks."""
        found = head_scores(self.functionals, artworks.vectors)
        return found + own_matches(self.names, artworks.names)[:, None]

    def every_score(self, artworks: Artworks) -> Float[np.ndarray, "members heads artworks"]:
        """Each head's score of every artwork."""
        found = self.functionals @ artworks.vectors.T
        return found + NameTable.of(artworks.names).matches(self.names)[:, None]

    def mean(self) -> "ScoredMembers":
        """The same with one head, the mean of all."""
        return self._replace(functionals=self.functionals.mean(1, keepdims=True))
