"""A small model of the reward for logs that bring none: cross-fitted, shrunken means.

A decision is judged by means that its own profile had no part in.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from bandit.counts import PRIOR_IMPRESSIONS
from evaluate.ope.feedback_batch import Batch

FOLDS = 5
"""Groups of profiles fall into this many folds."""


class CrossFittedMeans:
    """Mean reward of each action, shrunken to the mean of all, one set of means a fold.

    Memory grows with actions × folds, not with decisions.

    Args:
        strength: how many decisions the mean of all counts for.
    """

    def __init__(self, strength: float = PRIOR_IMPRESSIONS) -> None:
        self._strength = strength
        self._index: dict[object, int] = {}
        self._count = np.zeros((0, FOLDS))
        self._total = np.zeros((0, FOLDS))

    def learn(self, batches: Iterable[Batch]) -> "CrossFittedMeans":
        """Add up rewards by action and fold; returns itself."""
        for batch in batches:
            actions = self._codes(batch)[batch.feedback.logged]
            cell = actions * FOLDS + batch.feedback.group % FOLDS
            size = len(self._index) * FOLDS
            self._count += np.bincount(cell, minlength=size).reshape(-1, FOLDS)
            weighted = np.bincount(cell, weights=batch.feedback.reward, minlength=size)
            self._total += weighted.reshape(-1, FOLDS)
        return self

    def predict(self, batch: Batch) -> Float[np.ndarray, " flat"]:
        """Modelled reward of each candidate, from the folds that are not the decision's own."""
        codes = self._codes(batch)
        fold = batch.feedback.group % FOLDS
        by_flat = np.repeat(fold, np.diff(batch.feedback.offsets))
        return self._means()[codes, by_flat]

    def _means(self) -> Float[np.ndarray, "actions folds"]:
        count = self._count.sum(1, keepdims=True) - self._count
        total = self._total.sum(1, keepdims=True) - self._total
        overall = total.sum(0) / np.maximum(count.sum(0), 1)
        return (total + self._strength * overall) / (count + self._strength)

    def _codes(self, batch: Batch) -> np.ndarray:
        """Flat global action index, growing the tables for new actions."""
        index = self._index
        table = np.array([index.setdefault(name, len(index)) for name in batch.names])
        grow = len(index) - len(self._count)
        if grow:
            self._count = np.concatenate([self._count, np.zeros((grow, FOLDS))])
            self._total = np.concatenate([self._total, np.zeros((grow, FOLDS))])
        return table[batch.codes]
