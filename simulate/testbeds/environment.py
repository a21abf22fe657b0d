"""What every environment offers a learner, and what it keeps for the judge.

Candidates are rows of one bank of features or images, so a learner encodes each image once however
often it is a candidate. All randomness arrives as a generator: the same seed, the same world.
"""

from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from simulate.regret import regret


class Rounds(NamedTuple):
    """Some rounds: what a learner sees, and the expected rewards that only the judge may read."""

    contexts: Float[np.ndarray, "rounds context"]
    candidates: Int[np.ndarray, "rounds candidates"]  # rows of the environment's bank
    valid: Bool[np.ndarray, "rounds candidates"]
    expected: Float[np.ndarray, "rounds candidates"]


class Environment(Protocol):
    """A world with known truth."""

    @property
    def features(self) -> Float[np.ndarray, "bank features"]:
        """Raw description of every candidate in the bank."""
        ...

    @property
    def images(self) -> UInt8[np.ndarray, "bank 3 height width"] | None:
        """Pixels of every candidate in the bank; None if candidates are no images."""
        ...

    def rounds(self, count: int, rng: np.random.Generator, unseen: bool = False) -> Rounds:
        """The next rounds.

        Args:
            count: how many.
            rng: where contexts and candidates come from.
            unseen: with candidates held out from all other rounds, where there are any.
        """
        ...

    def rewards(
        self, rounds: Rounds, actions: Int[np.ndarray, " rounds"], rng: np.random.Generator
    ) -> Float[np.ndarray, " rounds"]:
        """Draw the rewards of chosen candidates."""
        ...


def expected_regret(
    rounds: Rounds, probabilities: Float[np.ndarray, "rounds candidates"]
) -> Float[np.ndarray, " rounds"]:
    """Expected reward of the best valid candidate less that of a policy's choice."""
    earned = (probabilities * np.where(rounds.valid, rounds.expected, 0.0)).sum(-1)
    return regret(rounds.expected, rounds.valid, earned)


def chosen(rounds: Rounds, actions: Int[np.ndarray, " rounds"]) -> Float[np.ndarray, " rounds"]:
    """Expected rewards of chosen candidates.

    Raises:
        ValueError: a choice is no valid candidate.
    """
    at = np.arange(len(rounds.valid))
    inside = (actions >= 0) & (actions < rounds.valid.shape[1])
    good = inside & rounds.valid[at, np.where(inside, actions, 0)]
    if not good.all():
        row = int(good.argmin())
        raise ValueError(f"round {row}: action {actions[row]} is no valid candidate")
    return rounds.expected[at, actions]
