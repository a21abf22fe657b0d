"""What estimates need of a log, summed by group of profiles: memory does not grow with the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.ope.diagnostics import diagnostic_terms
from evaluate.ope.estimators import Estimator
from evaluate.ope.feedback import GROUPS, Feedback
from evaluate.ope.intervals import bernstein_interval


@dataclass(frozen=True)
class FeedbackSums:
    """Sums of terms, and what bounds need besides.

    Attributes:
        sums: terms of the diagnostics, then of each estimator; groups without a decision are left
            out.
        columns: of `sums`: those of the diagnostics, then of each estimator.
        squares: sum of each estimator's first term squared.
        span: largest less smallest first term of each estimator.
        kept: weight that each estimator did not cut or shrink away.
        largest_weight: of any decision.
        fraction: whether all rewards lie within [0, 1].
    """

    sums: Float[np.ndarray, "groups columns"]
    columns: list[slice]
    squares: Float[np.ndarray, " estimators"]
    span: Float[np.ndarray, " estimators"]
    kept: Float[np.ndarray, " estimators"]
    largest_weight: float
    fraction: bool

    @classmethod
    def of(cls, batches: Iterable[Feedback], estimators: Sequence[Estimator]) -> "FeedbackSums":
        """Sums over all batches of one log.

        Raises:
            ValueError: there is no decision.
        """
        sums: np.ndarray | None = None
        width: list[int] = []
        count = len(estimators)
        squares, kept, largest = np.zeros(count), np.zeros(count), 0.0
        least, most = np.full(count, np.inf), np.full(count, -np.inf)
        fraction = True
        for feedback in batches:
            if not len(feedback):
                continue
            terms = [diagnostic_terms(feedback)] + [e.terms(feedback) for e in estimators]
            if sums is None:
                width = [t.shape[1] for t in terms]
                sums = np.zeros((GROUPS, sum(width)))
            for at, column in enumerate(np.concatenate(terms, axis=1).T):
                sums[:, at] += np.bincount(feedback.group, weights=column, minlength=GROUPS)
            first = np.stack([t[:, 0] for t in terms[1:]]) if estimators else np.zeros((0, 1))
            squares += (first**2).sum(1)
            least, most = np.minimum(least, first.min(1)), np.maximum(most, first.max(1))
            kept += [(e.kept(feedback) if e.kept else feedback.weight).sum() for e in estimators]
            largest = max(largest, float(feedback.weight.max()))
            fraction &= bool(((feedback.reward >= 0) & (feedback.reward <= 1)).all())
        if sums is None:
            raise ValueError("no decisions to estimate from; give at least one")
        ends = np.cumsum(width)
        columns = [slice(end - wide, end) for end, wide in zip(ends, width, strict=True)]
        sums = sums[sums[:, 0] > 0]
        return cls(sums, columns, squares, most - least, kept, largest, fraction)

    def removed(self, estimator: int) -> float:
        """Share of all weight that an estimator cut or shrank away."""
        weight = self.sums[:, 1]
        return float(1 - self.kept[estimator] / weight.sum()) if weight.any() else 0.0

    def bernstein(self, estimator: int, mean: float, clustered: bool) -> tuple[float, float]:
        """Bernstein's bound of an estimator that is a mean.

        Args:
            estimator: its place.
            mean: its value.
            clustered: whether the independent terms are groups of profiles, not decisions.
        """
        sums, span = self.sums[:, self.columns[1 + estimator]], self.span[estimator]
        if clustered:
            groups, size = len(sums), sums[:, 1].mean()
            deviations = (sums[:, 0] - mean * sums[:, 1]) / size
            variance = float((deviations**2).sum() / max(groups - 1, 1))
            return bernstein_interval(groups, mean, variance, span * float(sums[:, 1].max() / size))
        count = int(self.sums[:, 0].sum())
        variance = max(self.squares[estimator] / count - mean**2, 0) * count / max(count - 1, 1)
        return bernstein_interval(count, mean, variance, span)
