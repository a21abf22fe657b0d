"""Logged rows in memory: rewards, and by how much a target would have made their parts likelier."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

Part = Literal["slate", "position", "prefix", "pair"]
"""What has a probability: the row, one slot, the slots up to one, a slot and the next."""
Order = Literal["alone", "neighbour", "whole"]
"""What a slot's choice reads: nothing, its left neighbour, or more than that."""


class RowModel(NamedTuple):
    """What a model says of the rewards, the control variate of doubly robust estimates.

    Whatever it says, estimates stay right; the better it is, the less they vary.
    """

    own: Float[np.ndarray, "slates slots"]
    """Of each slot's own reward, with the logged action in it."""
    target: Float[np.ndarray, "slates slots"]
    """The mean of the same over what the target puts into the slot."""
    rest: Float[np.ndarray, "slates slots"]
    """Of the reward from each slot on, with the logged action in it."""
    rest_target: Float[np.ndarray, "slates slots"]
    """The mean of the same over what the target puts into the slot after the logged prefix."""
    whole: tuple[Float[np.ndarray, " slates"], Float[np.ndarray, " slates"]] | None = None
    """Of the reward of the logged row, and the mean of the same over the target's rows: what a sum
    over slots cannot say, such as competition. None: the sums of `own` and of `target`."""


@dataclass(frozen=True)
class Slates:
    """Rows of a logging policy, slots in reading order; arrays hold 0 beyond a row's end.

    A weight is the target's probability of a part over the logged one; None where the log does not
    say it.

    Attributes:
        length: slots of each row.
        reward: of each slot.
        group: which of `evaluate.ope.feedback.GROUPS` groups of whole profiles the row belongs to.
        slate: weight of the whole row.
        position: weight of each slot by itself.
        prefix: weight of each slot with all before it.
        pair: weight of each slot with the next; 0 at the last.
        model: of the rewards; None where nobody asked for one.
        logged: what the logging policy's choices read; None where the log does not tell.
        target: the same of the target.
    """

    length: Int[np.ndarray, " slates"]
    reward: Float[np.ndarray, "slates slots"]
    group: Int[np.ndarray, " slates"]
    slate: Float[np.ndarray, " slates"] | None = None
    position: Float[np.ndarray, "slates slots"] | None = None
    prefix: Float[np.ndarray, "slates slots"] | None = None
    pair: Float[np.ndarray, "slates slots"] | None = None
    model: RowModel | None = None
    logged: Order | None = None
    target: Order | None = None

    def __len__(self) -> int:
        return len(self.length)

    @cached_property
    def there(self) -> Bool[np.ndarray, "slates slots"]:
        """Which places are slots of their row."""
        return np.arange(self.reward.shape[1]) < self.length[:, None]

    def of(self, part: Part) -> Float[np.ndarray, "..."]:
        """The weights of a part.

        Raises:
            ValueError: the log does not say them.
        """
        weights = getattr(self, part)
        if weights is None:
            raise ValueError(f"the rows have no weights of the {part}; give its probabilities")
        return weights

    def modelled(self) -> RowModel:
        """The model of the rewards.

        Raises:
            ValueError: there is none.
        """
        if self.model is None:
            raise ValueError("a doubly robust estimate needs a model of the rewards; give one")
        return self.model
