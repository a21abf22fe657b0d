"""A small model of rewards in rows: cross-fitted, shrunken means by place, context and action.

A row is judged by means that its own profile had no part in.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.counts import PRIOR_IMPRESSIONS
from evaluate.ope.reward_model import FOLDS
from evaluate.slate.slates import RowModel

MOST_CELLS = 100_000
"""Means a fold: where contexts would make more, they are not told apart."""


Predicted: TypeAlias = tuple[Float[np.ndarray, "slates slots"], Float[np.ndarray, "slates slots"]]
"""Of the logged action in each slot, and the mean over what the target puts there."""


@dataclass(frozen=True)
class Places:
    """What tells slots apart before an action is in them, and what may be put there.

    Attributes:
        there: which places are slots.
        length: slots of each row.
        fold: of each row, by profile; 0 to FOLDS − 1.
        context: of each row, from 0; zeros where the log names none.
        action: in each slot, from 0; zeros where the log names none.
        alone: the target's probability of each action in each slot, whatever else it chose; None
            where the log does not say.
        after: the same given the logged slots before.
    """

    there: Bool[np.ndarray, "slates slots"]
    length: Int[np.ndarray, " slates"]
    fold: Int[np.ndarray, " slates"]
    context: Int[np.ndarray, " slates"]
    action: Int[np.ndarray, "slates slots"]
    alone: Float[np.ndarray, "slates slots actions"] | None
    after: Float[np.ndarray, "slates slots actions"] | None

    def model(
        self,
        reward: Float[np.ndarray, "slates slots"],
        own: Predicted | None = None,
        rest: Predicted | None = None,
        whole: tuple[Float[np.ndarray, " slates"], Float[np.ndarray, " slates"]] | None = None,
    ) -> RowModel:
        """Means of a slot's own reward and of that from it on, by action where that can be used.

        An action's mean is of use where the target's probability of every action is known; else all
        actions of a place have its mean.

        Args:
            reward: of each slot, 0 beyond a row's end.
            own: a given model of each slot's own reward, brought to the log's scale; None: it is
                fitted.
            rest: a given model of the reward from each slot on; None: it is fitted.
            whole: a given model of the row's reward, as `RowModel` has it; None: the slots' sums.
        """
        slot = self._means(reward, self.alone) if own is None else self._scaled(own, reward)
        if rest is None:
            onward = np.cumsum(reward[:, ::-1], axis=1)[:, ::-1]
            rest = self._means(onward, self.after)
        if whole is not None:
            rows = replace(self, there=self.there[:, :1])
            both = whole[0][:, None], whole[1][:, None]
            logged, target = rows._scaled(both, reward.sum(1, keepdims=True))
            whole = logged[:, 0], target[:, 0]
        return RowModel(*slot, *rest, whole)

    def _means(
        self,
        value: Float[np.ndarray, "slates slots"],
        probabilities: Float[np.ndarray, "slates slots actions"] | None,
    ) -> Predicted:
        """The model of the logged action, and its mean over the target's."""
        actions = 1 if probabilities is None else probabilities.shape[2]
        action = np.zeros_like(self.action) if probabilities is None else self.action
        place = self._places(actions)
        table = _cross_fitted(value, place, action, actions, self.fold, self.there)
        fold = self.fold[:, None]
        own = np.where(self.there, table[fold, place, action], 0.0)
        if probabilities is None:
            return own, own
        mean = (probabilities * table[fold, place]).sum(2)
        return own, np.where(self.there, mean, 0.0)

    def _scaled(self, given: Predicted, reward: Float[np.ndarray, "slates slots"]) -> Predicted:
        """A prediction on the log's own scale: a slope for all slots, and the mean of each place.

        What holds for a title alone is far too high where titles compete, and would add noise. Both
        numbers are of other folds, so they add no bias.
        """
        there, place = self.there, self._places(1)
        places = int(place.max(initial=0)) + 1  # some of which no other fold may have
        logged, target = np.zeros_like(reward), np.zeros_like(reward)
        for fold in range(FOLDS):
            others = there & (self.fold != fold)[:, None]
            at = place[others]
            count = np.maximum(np.bincount(at, minlength=places), 1)
            means = [np.bincount(at, v[others], places) / count for v in (given[0], reward)]
            apart = given[0][others] - means[0][at]
            slope = apart @ reward[others] / max(float(apart @ apart), 1e-300)
            mine = self.fold == fold
            at = place[mine]
            for made, values in ((logged, given[0]), (target, given[1])):
                made[mine] = means[1][at] + slope * (values[mine] - means[0][at])
        return np.where(there, logged, 0.0), np.where(there, target, 0.0)

    def _places(self, actions: int) -> Int[np.ndarray, "slates slots"]:
        """Context, row length and place as one number."""
        slots = self.there.shape[1]
        sizes, size = np.unique(self.length, return_inverse=True)
        contexts = int(self.context.max(initial=0)) + 1
        usable = contexts * len(sizes) * slots * actions <= MOST_CELLS
        base = size + len(sizes) * (self.context if usable else np.zeros_like(self.context))
        return base[:, None] * slots + np.arange(slots)


def _cross_fitted(
    value: Float[np.ndarray, "slates slots"],
    place: Int[np.ndarray, "slates slots"],
    action: Int[np.ndarray, "slates slots"],
    actions: int,
    fold: Int[np.ndarray, " slates"],
    there: Bool[np.ndarray, "slates slots"],
) -> Float[np.ndarray, "folds places actions"]:
    """Mean of each cell over the other folds, drawn to its place's, and that to all."""
    places = int(place.max(initial=0)) + 1
    shape = FOLDS, places, actions
    cell = np.ravel_multi_index((np.broadcast_to(fold[:, None], place.shape), place, action), shape)
    size = int(np.prod(shape))
    count = np.bincount(cell[there], minlength=size).reshape(shape).astype(np.float64)
    total = np.bincount(cell[there], value[there], size).reshape(shape)
    count, total = count.sum(0) - count, total.sum(0) - total
    overall = total.sum((1, 2), keepdims=True) / np.maximum(count.sum((1, 2), keepdims=True), 1)
    strength = PRIOR_IMPRESSIONS
    of_place = (total.sum(2, keepdims=True) + strength * overall) / (
        count.sum(2, keepdims=True) + strength
    )
    return (total + strength * of_place) / (count + strength)
