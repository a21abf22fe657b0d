"""How likely a policy that reads its left neighbour makes each row, and each part of one."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bandit.choice import choose


class PartChances(NamedTuple):
    """Probabilities of what was chosen, as files of rows name them."""

    slate: Float[np.ndarray, " draws"]
    position: Float[np.ndarray, "draws slots"]
    prefix: Float[np.ndarray, "draws slots"]
    pair: Float[np.ndarray, "draws slots"]
    """Of a slot and the next; NaN at the last."""


@dataclass(frozen=True)
class RowChances:
    """Probabilities of a policy in some rows.

    Attributes:
        first: of each candidate in the first slot.
        later: of each candidate in the slots after it, given what is left of it.
    """

    first: Float[np.ndarray, "rows candidates"]
    later: Float[np.ndarray, "rows later left candidates"]

    @property
    def slots(self) -> int:
        """Of a row."""
        return self.later.shape[1] + 1

    @cached_property
    def alone(self) -> Float[np.ndarray, "rows slots candidates"]:
        """Probability of each candidate in each slot, whatever stands left of it: a forward pass.

        Rows sum to one, as those given do.
        """
        chances = [self.first]
        for at in range(self.slots - 1):
            chances.append(np.einsum("ra,rak->rk", chances[-1], self.later[:, at]))
        return np.stack(chances, axis=1)

    def draw(
        self, row: Int[np.ndarray, " draws"], uniforms: Float[np.ndarray, "draws slots"]
    ) -> Int[np.ndarray, "draws slots"]:
        """What is chosen in each slot, by a number in [0, 1) of its own.

        Args:
            row: which of the rows each draw is of.
            uniforms: one a slot, from the slot's own seed.
        """
        choice = np.empty(uniforms.shape, np.int64)
        choice[:, 0] = choose(self.first[row], uniforms[:, 0])
        for at in range(1, self.slots):
            choice[:, at] = choose(self.later[row, at - 1, choice[:, at - 1]], uniforms[:, at])
        return choice

    def conditional(
        self, row: Int[np.ndarray, " draws"], choice: Int[np.ndarray, "draws slots"]
    ) -> Float[np.ndarray, "draws slots"]:
        """The propensity of each slot's choice, given what stands left of it: exact."""
        first = self.first[row, choice[:, 0]][:, None]
        at = np.arange(self.slots - 1)
        later = self.later[row[:, None], at, choice[:, :-1], choice[:, 1:]]
        return np.concatenate([first, later], axis=1)

    def parts(
        self, row: Int[np.ndarray, " draws"], choice: Int[np.ndarray, "draws slots"]
    ) -> PartChances:
        """Probabilities of a row's parts: whole, each slot by itself, prefixes and pairs."""
        steps = self.conditional(row, choice)
        position = self.alone[row[:, None], np.arange(self.slots), choice]
        prefix = np.cumprod(steps, axis=1)
        last = np.full((len(row), 1), np.nan)
        pair = np.concatenate([position[:, :-1] * steps[:, 1:], last], axis=1)
        return PartChances(prefix[:, -1], position, prefix, pair)
