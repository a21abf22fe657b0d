"""What a reward is expected to come to, given what is seen of it: learnt from older cohorts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

RIDGE = 1.0
"""Examples that the belief "as it stands, so it ends" counts for, a number."""
MOST_MINUTES = 240.0
"""Of a play: four hours in a window of two days say no more than many do."""
LEAST = 200
"""Whole examples below which nothing is foreseen: one of them would say more than 1%."""


class ExpectedReward(NamedTuple):
    """A linear prediction of the whole for each age: the best there is of normal traces."""

    ages: tuple[float, ...]
    """Days after which a trace is looked at, ascending."""
    weights: Float[np.ndarray, "ages numbers"]
    """Of 1, the trace up to each age (0 where it is not reached yet), and the facts."""
    examples: int
    """Examples that taught it."""
    bounds: tuple[float, float] = (-np.inf, np.inf)
    """Least and most that a whole has been: what is expected lies between."""

    def expected(
        self,
        trace: Float[np.ndarray, "examples ages"],
        age: Float[np.ndarray, " examples"] | Int[np.ndarray, " examples"],
        facts: Float[np.ndarray, "examples facts"] | None = None,
    ) -> Float[np.ndarray, " examples"]:
        """What the whole is expected to be.

        Args:
            trace: worth up to each age; beyond an example's own age it is not read.
            age: of each example, in days; at least the first of `ages`.
            facts: as they were learnt with.

        Raises:
            ValueError: an example is younger than the first age.
        """
        at = np.searchsorted(self.ages, age, "right") - 1
        if (at < 0).any():
            raise ValueError(
                f"an example of {np.min(age)} days is younger than {self.ages[0]}; let it wait"
            )
        numbers = _numbers(np.where(np.arange(len(self.ages)) <= at[:, None], trace, 0.0), facts)
        return np.clip((numbers * self.weights[at]).sum(1), *self.bounds)


def came_at_once(
    played: Bool[np.ndarray, " examples"], minutes: Float[np.ndarray, " examples"]
) -> Float[np.ndarray, "examples facts"]:
    """What every example tells beside its trace: whether it was played, and for how long."""
    return np.stack([played.astype(float), np.minimum(minutes, MOST_MINUTES) / 60], axis=1)


def learn_foresight(
    trace: Float[np.ndarray, "examples ages"],
    whole: Float[np.ndarray, " examples"],
    ages: Sequence[float],
    facts: Float[np.ndarray, "examples facts"] | None = None,
) -> ExpectedReward:
    """Regress the whole on what was seen of it at each age.

    Args:
        trace: worth up to each age.
        whole: what it came to.
        ages: in days, ascending.
        facts: what else was known then.

    Source: progressive conditioning of McDonald et al. (2023), "Impatient Bandits", one example at
    a time; as a training reward, "Reward innovation for long-term member satisfaction" (Netflix).
    """
    rows = []
    for at in range(len(ages)):
        seen = np.where(np.arange(len(ages)) <= at, trace, 0.0)
        x = _numbers(seen, facts)
        # What is seen stays; the ridge pulls towards that, so that few examples say little.
        about = np.zeros(x.shape[1])
        about[1 + at] = 1.0
        gram = x.T @ x + RIDGE * np.eye(x.shape[1])
        rows.append(about + np.linalg.solve(gram, x.T @ (whole - x @ about)))
    bounds = float(whole.min()), float(whole.max())
    return ExpectedReward(tuple(map(float, ages)), np.stack(rows), len(whole), bounds)


def _numbers(
    trace: Float[np.ndarray, "examples ages"], facts: Float[np.ndarray, "examples facts"] | None
) -> Float[np.ndarray, "examples numbers"]:
    parts = [np.ones((len(trace), 1)), trace]
    return np.concatenate(parts if facts is None else [*parts, facts], axis=1)
