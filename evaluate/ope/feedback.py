"""Logged feedback in memory: ragged candidate sets as flat arrays and offsets, never padded."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

GROUPS = 4096
"""Profiles fall by hash into at most this many groups, the units of the bootstrap."""


@dataclass(frozen=True)
class Feedback:
    """Decisions of a logging policy, and what a target policy would have done in each.

    Decision i owns the slice `offsets[i]:offsets[i + 1]` of the flat arrays.

    Attributes:
        offsets: where each decision's candidates begin; one more than decisions.
        logged: flat position of the logged action.
        reward: observed reward of the logged action.
        propensity: probability with which the logging policy chose the logged action, in (0, 1].
        target: flat target probabilities; each decision's sum to 1.
        estimated: flat modelled rewards, None where there is no model.
        group: which of `GROUPS` groups of whole profiles the decision belongs to.
    """

    offsets: Int[np.ndarray, " decisions_and_one"]
    logged: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    propensity: Float[np.ndarray, " decisions"]
    target: Float[np.ndarray, " flat"]
    estimated: Float[np.ndarray, " flat"] | None
    group: Int[np.ndarray, " decisions"]

    def __len__(self) -> int:
        return len(self.reward)

    @cached_property
    def target_logged(self) -> Float[np.ndarray, " decisions"]:
        """The target's probability of the logged action."""
        return self.target[self.logged]

    @cached_property
    def weight(self) -> Float[np.ndarray, " decisions"]:
        """Importance weights w."""
        return self.target_logged / self.propensity

    @cached_property
    def modelled_logged(self) -> Float[np.ndarray, " decisions"]:
        """q̂ of the logged action."""
        return self._model()[self.logged]

    @cached_property
    def modelled_target(self) -> Float[np.ndarray, " decisions"]:
        """q̂(π): the target's mean of q̂ over each decision's candidates."""
        if not len(self):
            return np.zeros(0)
        starts = self.offsets[:-1]
        total = np.add.reduceat(self.target * self._model(), starts)
        return total / np.add.reduceat(self.target, starts)

    def of_rows(self, rows: Bool[np.ndarray, " decisions"]) -> "Feedback":
        """Some of the decisions alone."""
        sizes = np.diff(self.offsets)
        flat = np.repeat(rows, sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes[rows])])
        return Feedback(
            offsets=offsets,
            logged=offsets[:-1] + (self.logged - self.offsets[:-1])[rows],
            reward=self.reward[rows],
            propensity=self.propensity[rows],
            target=self.target[flat],
            estimated=None if self.estimated is None else self.estimated[flat],
            group=self.group[rows],
        )

    def _model(self) -> Float[np.ndarray, " flat"]:
        if self.estimated is None:
            raise ValueError(
                "this estimator needs modelled rewards, and the feedback has none; give"
                " estimated_rewards or let `estimate` fit them"
            )
        return self.estimated


def dense_feedback(
    action: Int[np.ndarray, " decisions"],
    reward: Float[np.ndarray, " decisions"],
    propensity: Float[np.ndarray, " decisions"],
    target: Float[np.ndarray, "decisions candidates"],
    estimated: Float[np.ndarray, "decisions candidates"] | None = None,
    group: Int[np.ndarray, " decisions"] | None = None,
) -> Feedback:
    """Feedback of decisions that all have the same number of candidates.

    Without `group` decisions are taken as independent.
    """
    decisions, candidates = target.shape
    rows = np.arange(decisions, dtype=np.int64)
    return Feedback(
        offsets=np.arange(decisions + 1, dtype=np.int64) * candidates,
        logged=rows * candidates + action,
        reward=reward,
        propensity=propensity,
        target=target.ravel(),
        estimated=None if estimated is None else estimated.ravel(),
        group=rows % GROUPS if group is None else group % GROUPS,
    )
