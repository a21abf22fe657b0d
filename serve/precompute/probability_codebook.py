"""Probabilities as codes: with H heads and K candidates there are few that can occur.

A candidate's probability follows from how many heads voted for it, whether something was shown
before and whether it was this, and among how many candidates: some hundred numbers. Split ties
have fractions of votes; theirs are added to the table as they occur.
"""

import numpy as np
from jaxtyping import Int, UInt

from bandit.draws import DrawRules
from bandit.rules.decide import Ruled
from bandit.thompson_batch import Decided
from serve.maps.layout import Layout
from serve.maps.run_info import propensity_table


class Codes:
    """Codes of a block's probabilities, and the table that they point into.

    Args:
        layout: of the titles.
        rules: of the draws.
        members: of the block.
        wide: there may be more than 65,536 of them: floors and caps make many.
    """

    def __init__(self, layout: Layout, rules: DrawRules, members: int, wide: bool = False) -> None:
        counts, kind = np.unique(layout.counts, return_inverse=True)
        table = propensity_table(rules, counts)
        self.chances: list[float] = table.ravel().tolist()
        kept = np.dtype(np.uint32 if wide else np.uint16)
        self.codes: UInt[np.ndarray, "members ranks titles"]
        self.codes = np.zeros((members, int(counts[-1]), len(kind)), kept)
        self._first = (kind * table.shape[1]).astype(kept)
        self._votes = kept.type(rules.heads + 1)
        self._counts = layout.counts
        self._added: dict[float, int] = {}

    def put(
        self,
        members: Int[np.ndarray, " some"],
        slots: Int[np.ndarray, " titles"],
        decided: Decided,
        before: Int[np.ndarray, "some titles"],
        ruled: Ruled | None = None,
    ) -> None:
        """Take in the decisions of some members for some titles.

        Args:
            members: places among the block's.
            slots: of the titles.
            decided: for those.
            before: rank of what was shown before; −1: nothing.
            ruled: decisions that rules changed; None: none.
        """
        codes = decided.votes.won + self._first[slots]
        had = before >= 0
        if had.any():
            codes += had[:, None] * self._votes
            whose, which = np.nonzero(had)
            codes[whose, before[whose, which], which] += self._votes
        for member, title in decided.votes.tied.tolist():
            for rank in range(self._counts[slots[title]]):
                codes[member, rank, title] = self._code(decided.probabilities[member, rank, title])
        if ruled is not None:
            whose, which = np.nonzero(ruled.codes)
            chances, place = np.unique(decided.probabilities[whose, :, which], return_inverse=True)
            known = np.array([self._code(chance) for chance in chances.tolist()], codes.dtype)
            codes[whose, :, which] = known[place].reshape(len(whose), codes.shape[1])
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
            if code > np.iinfo(self.codes.dtype).max:
                raise ValueError(
                    f"a block has more than {code} different probabilities; use fewer heads"
                )
            self.chances.append(float(chance))
        return code
