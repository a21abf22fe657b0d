"""Probabilities as codes: with H heads and K candidates there are few that can occur.

A candidate's probability follows from how many heads voted for it, of how many candidates: a
hundred numbers for 16 heads and up to six candidates. Split ties have fractions of votes; theirs
are added to the table as they occur.
"""

import numpy as np
from jaxtyping import Int, UInt16

from bandit.floor import mix_exploration
from bandit.head_policy import HeadPolicy
from bandit.thompson_batch import Decided
from serve.maps.layout import Layout


class Codes:
    """Codes of a block's probabilities, and the table that they point into."""

    def __init__(self, layout: Layout, heads: int, policy: HeadPolicy, members: int) -> None:
        heads = policy.voters(heads)
        counts, kind = np.unique(layout.counts, return_inverse=True)
        votes = np.arange(heads + 1) / float(heads)
        table = mix_exploration(votes, np.ones(1, bool), counts[:, None], policy.exploration)
        self.chances: list[float] = table.ravel().tolist()
        self.codes: UInt16[np.ndarray, "members ranks titles"]
        self.codes = np.zeros((members, int(counts[-1]), len(kind)), np.uint16)
        self._first = (kind * (heads + 1)).astype(np.uint16)
        self._counts = layout.counts
        self._added: dict[float, int] = {}

    def put(
        self, members: Int[np.ndarray, " some"], slots: Int[np.ndarray, " titles"], decided: Decided
    ) -> None:
        """Take in the decisions of some members for some titles."""
        codes = decided.votes.won + self._first[slots]
        for member, title in decided.votes.tied.tolist():
            for rank in range(self._counts[slots[title]]):
                codes[member, rank, title] = self._code(decided.probabilities[member, rank, title])
        ranks = np.arange(codes.shape[1])
        self.codes[np.ix_(members, ranks, slots)] = codes

    def _code(self, chance: float) -> int:
        """The code of a probability that the table may lack.

        Raises:
            ValueError: more kinds of split ties in one block than codes.
        """
        code = self._added.get(chance)
        if code is None:
            code = self._added[chance] = len(self.chances)
            if code > np.iinfo(np.uint16).max:
                raise ValueError(
                    f"a block has more than {code} different probabilities; use fewer heads"
                )
            self.chances.append(float(chance))
        return code
