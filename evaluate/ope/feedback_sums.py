"""What estimates need of a log, summed by group of profiles: memory does not grow with the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.ope.betting import Bets
from evaluate.ope.diagnostics import diagnostic_terms
from evaluate.ope.estimators import Estimator
from evaluate.ope.feedback import GROUPS, Feedback


@dataclass(frozen=True)
class FeedbackSums:
    """Sums of terms, and what bounds need besides.

    Attributes:
        sums: terms of the diagnostics, then of each estimator; groups without a decision are left
            out.
        columns: of `sums`: those of the diagnostics, then of each estimator.
        kept: weight that each estimator did not cut or shrink away.
        largest_weight: of any decision.
        possible_weight: that any decision could have had: the target's largest probability over
            the smallest propensity.
        rewards: the least and the greatest.
    """

    sums: Float[np.ndarray, "groups columns"]
    columns: list[slice]
    kept: Float[np.ndarray, " estimators"]
    largest_weight: float
    possible_weight: float
    rewards: tuple[float, float]

    @classmethod
    def of(cls, batches: Iterable[Feedback], estimators: Sequence[Estimator]) -> "FeedbackSums":
        """Sums over all batches of one log.

        Raises:
            ValueError: there is no decision.
        """
        sums: np.ndarray | None = None
        width: list[int] = []
        kept, largest = np.zeros(len(estimators)), 0.0
        target, propensity, rewards = 0.0, 1.0, (np.inf, -np.inf)
        for feedback in batches:
            if not len(feedback):
                continue
            terms = [diagnostic_terms(feedback)] + [e.terms(feedback) for e in estimators]
            if sums is None:
                width = [t.shape[1] for t in terms]
                sums = np.zeros((GROUPS, sum(width)))
            for at, column in enumerate(np.concatenate(terms, axis=1).T):
                sums[:, at] += np.bincount(feedback.group, weights=column, minlength=GROUPS)
            kept += [(e.kept(feedback) if e.kept else feedback.weight).sum() for e in estimators]
            largest = max(largest, float(feedback.weight.max()))
            target = max(target, float(feedback.target.max()))
            propensity = min(propensity, float(feedback.propensity.min()))
            least, most = float(feedback.reward.min()), float(feedback.reward.max())
            rewards = min(rewards[0], least), max(rewards[1], most)
        if sums is None:
            raise ValueError("no decisions to estimate from; give at least one")
        ends = np.cumsum(width)
        columns = [slice(end - wide, end) for end, wide in zip(ends, width, strict=True)]
        sums = sums[sums[:, 0] > 0]
        return cls(sums, columns, kept, largest, target / propensity, rewards)

    @property
    def fraction(self) -> bool:
        """Whether all rewards lie within [0, 1]."""
        return 0 <= self.rewards[0] <= self.rewards[1] <= 1

    def removed(self, estimator: int) -> float:
        """Share of all weight that an estimator cut or shrank away."""
        weight = self.sums[:, 1]
        return float(1 - self.kept[estimator] / weight.sum()) if weight.any() else 0.0

    def bets(self) -> Bets:
        """What can be bet on the target's value; rewards must be fractions."""
        of = self.sums[:, self.columns[0]]
        return Bets(of[:, 0], of[:, 1], of[:, 6], self.possible_weight)
