"""The wheel bandit: exploration pays, and only at the rim.

Source: Riquelme, Tucker and Snoek 2018, "Deep Bayesian Bandits Showdown", with its
numbers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from data.errors import BadInput
from simulate.testbeds.environment import Rounds, chosen

SAFE, OTHER, LARGE, DEVIATION = 1.2, 1.0, 50.0, 0.01
ACTIONS = 5


@dataclass(frozen=True)
class Wheel:
    """Contexts are uniform in the unit disc; the higher δ, the rarer the large rewards."""

    delta: float
    """Radius up to which the safe action 0 is best. Beyond it, each quadrant has its own."""

    images = None

    def __post_init__(self) -> None:
        if not 0 < self.delta < 1:
            raise BadInput(f"--delta {self.delta}: the inner radius must be between 0 and 1")

    @property
    def features(self) -> Float[np.ndarray, "5 5"]:
        """One indicator an action: the five actions are all there is to know."""
        return np.eye(ACTIONS, dtype=np.float32)

    def rounds(self, count: int, rng: np.random.Generator, unseen: bool = False) -> Rounds:
        """Points of the disc; no action is ever unseen.

        Quadrants (+, +), (+, −), (−, +), (−, −) belong to actions 1, 2, 3 and 4.
        """
        radius, angle = np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
        contexts = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
        quadrant = 1 + 2 * (contexts[:, 0] <= 0) + (contexts[:, 1] <= 0)
        expected = np.full((count, ACTIONS), OTHER)
        expected[:, 0] = SAFE
        rim = np.flatnonzero(radius > self.delta)
        expected[rim, quadrant[rim]] = LARGE
        candidates = np.tile(np.arange(ACTIONS), (count, 1))
        valid = np.ones((count, ACTIONS), bool)
        return Rounds(contexts.astype(np.float32), candidates, valid, expected)

    def rewards(
        self, rounds: Rounds, actions: Int[np.ndarray, " rounds"], rng: np.random.Generator
    ) -> Float[np.ndarray, " rounds"]:
        """Normal around what is expected, with deviation .01."""
        return rng.normal(chosen(rounds, actions), DEVIATION)
