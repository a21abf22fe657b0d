"""What every policy of the learning benchmark is given: the same rounds, the same numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from bandit.choice import choose
from bandit.simple import uniform
from bench.learning.online.kernel_pca import Spectrum
from simulate.testbeds.artwork_rounds import Whole
from simulate.testbeds.digits import Digits
from simulate.testbeds.environment import Environment, Rounds, expected_regret
from simulate.testbeds.wheel import Wheel

RADIUS_BINS = 20
Features = Literal["raw", "made", "cells", "placed", "whole"]


class View(NamedTuple):
    """Some rounds as a policy sees them."""

    contexts: Float[np.ndarray, "rounds context"]
    bank: Float[np.ndarray, "bank features"]
    candidates: Int[np.ndarray, "rounds candidates"]  # rows of the bank
    valid: Bool[np.ndarray, "rounds candidates"]


class StagedLearner(Protocol):
    """A learner of the benchmark, ours or a peer."""

    def batch(self) -> int:
        """How many rounds it decides before it learns from their rewards."""
        ...

    def probabilities(self, view: View) -> Float[np.ndarray, "rounds candidates"]:
        """Of each candidate; rows sum to 1, invalid candidates get 0."""
        ...

    def learn(
        self,
        view: View,
        actions: Int[np.ndarray, " rounds"],
        propensities: Float[np.ndarray, " rounds"],
        rewards: Float[np.ndarray, " rounds"],
    ) -> None:
        """Rewards of the rounds just decided."""
        ...


@dataclass(frozen=True)
class Stage:
    """An environment with numbers for all, and its stream of rounds."""

    environment: Environment
    contexts: Callable[[Rounds], Float[np.ndarray, "rounds context"]]
    bank: Float[np.ndarray, "bank features"]
    binary: bool
    """Rewards are takes."""
    fixed: bool
    """Every round has the same candidates: arms."""
    whole: Whole | None = None
    """How the product's own features lie in the rows, where the rows are these."""
    per_day: int = 0
    """Rounds of a day; 0: there are no days."""

    def view(self, rounds: Rounds) -> View:
        """What policies see of rounds."""
        return View(self.contexts(rounds), self.bank, rounds.candidates, rounds.valid)

    def sample(self) -> Float[np.ndarray, "sample context"]:
        """Some contexts as they come, from another seed: to standardise by."""
        return self.contexts(self.environment.rounds(2000, np.random.default_rng(987_654)))


def play(
    policy: StagedLearner, stage: Stage, count: int, seed: int, delay: int = 0
) -> tuple[float, float, Float[np.ndarray, " tenths"]]:
    """Regret of a policy that learns as it goes, and of uniform choice, over the same rounds.

    Args:
        policy: untrained.
        stage: the environment.
        count: rounds.
        seed: of rounds, choices and rewards: the same for every policy.
        delay: a round's reward is told so many batches later.

    Returns:
        the policy's summed expected regret, uniform's, and the policy's in ten parts of the run.
    """
    rounds = stage.environment.rounds(count, np.random.default_rng(seed))
    view = stage.view(rounds)
    draws = np.random.default_rng([seed, 1]).random(count)
    noise = np.random.default_rng([seed, 2])
    regret, done = np.zeros(count), 0
    waiting: list[tuple] = []
    while done < count:
        rows = slice(done, min(done + policy.batch(), count))
        now = View(view.contexts[rows], view.bank, view.candidates[rows], view.valid[rows])
        here = Rounds(*(part[rows] for part in rounds))
        p = policy.probabilities(now)
        actions = choose(p, draws[rows])
        regret[rows] = expected_regret(here, p)
        rewards = stage.environment.rewards(here, actions, noise)
        waiting.append((now, actions, p[np.arange(len(p)), actions], rewards))
        if len(waiting) > delay:
            policy.learn(*waiting.pop(0))
        done = rows.stop
    chance = expected_regret(rounds, uniform(rounds.valid))
    parts = np.array([part.sum() for part in np.array_split(regret, 10)])
    return float(regret.sum()), float(chance.sum()), parts


def wheel_stage(delta: float, features: Features) -> Stage:
    """The wheel with raw coordinates, or with numbers made by hand.

    `raw`: the two coordinates. `made`: also radius, its bin of 20, and quadrant. `cells`: also the
    crosses of bins and quadrants, after which a table would do.
    """

    def contexts(rounds: Rounds) -> np.ndarray:
        xy = rounds.contexts
        if features == "raw":
            return xy
        radius = np.hypot(xy[:, 0], xy[:, 1])
        bins = np.minimum((radius * RADIUS_BINS).astype(int), RADIUS_BINS - 1)
        quadrant = 2 * (xy[:, 0] <= 0) + (xy[:, 1] <= 0)
        bins, quadrant = np.eye(RADIUS_BINS)[bins], np.eye(4)[quadrant]
        parts = [xy, radius[:, None], quadrant, bins]
        if features == "cells":
            parts.append((bins[:, :, None] * quadrant[:, None]).reshape(len(xy), -1))
        return np.concatenate(parts, 1).astype(np.float32)

    wheel = Wheel(delta)
    return Stage(wheel, contexts, wheel.features, binary=False, fixed=True)


PLACES = 30
"""Directions of the scans' geometry, as our settings have them."""


def digits_stage(placed: bool = False) -> Stage:
    """Scans by their ink, members by what they want.

    Args:
        placed: give everyone the scans' places in their own geometry, which ours finds out for
            itself (`bench.learning.online.kernel_pca`), in place of their ink.
    """
    digits = Digits()
    bank = digits.features
    if placed:
        ink = torch.from_numpy(bank)
        with torch.no_grad():
            bank = Spectrum(ink, PLACES)(ink).numpy()
    # cached properties are properties
    return Stage(digits, lambda rounds: rounds.contexts, bank, binary=True, fixed=False)  # type: ignore
