"""Policies that collect first logs: uniform, and ε-greedy on the best unpersonalised artwork."""

from typing import Protocol

import numpy as np
from jaxtyping import Float

from bandit.counts import PRIOR_IMPRESSIONS
from bandit.floor import epsilon_floor
from bandit.simple import uniform
from data.errors import BadInput
from simulate.browsing.day import DayLog, Requests


class LoggingPolicy(Protocol):
    """Anything that gives each candidate its probability while members browse."""

    name: str
    """Written into the log."""

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """Rows sum to 1 over valid candidates; others get 0."""
        ...

    def learn(self, log: DayLog) -> None:
        """Look at a day that is over."""
        ...


class Uniform:
    """Every candidate of the day with the same probability."""

    name = "uniform"

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """1 / K each."""
        return uniform(requests.valid)

    def learn(self, log: DayLog) -> None:
        """There is nothing to learn."""


class UnpersonalisedEpsilon:
    """ε of uniform exploration; the rest goes to the title's artwork with the best take fraction.

    It learns from a day once the attribution window has closed, two days later.
    """

    def __init__(self, artworks: int, epsilon: float) -> None:
        if not 0 < epsilon <= 1:
            raise BadInput(f"--epsilon {epsilon}: above 0, to keep support, and at most 1")
        self.name = f"epsilon {epsilon:g}"
        self.epsilon = epsilon
        self.shown = np.zeros(artworks)
        self.taken = np.zeros(artworks)
        self._open: list[DayLog] = []

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """ε / K each, and 1 − ε more for the best."""
        valid, rows = requests.valid, requests.candidates
        shown = np.where(valid, self.shown[rows], 0.0)
        taken = np.where(valid, self.taken[rows], 0.0)
        average = (taken.sum(-1) + 0.1) / (shown.sum(-1) + 1)
        score = (taken + PRIOR_IMPRESSIONS * average[:, None]) / (shown + PRIOR_IMPRESSIONS)
        best = np.where(valid, score, -1.0).argmax(-1)
        greedy = np.zeros(valid.shape)
        greedy[np.arange(len(best)), best] = 1.0  # the first of equals
        return epsilon_floor(greedy, valid, self.epsilon)

    def learn(self, log: DayLog) -> None:
        """Take in a day's log; the day before the last is closed by then."""
        self._open.append(log)
        if len(self._open) > 1:
            closed = self._open.pop(0)
            at = np.arange(len(closed.outcomes.choice))
            artwork = closed.requests.candidates[at, closed.outcomes.choice]
            size = len(self.shown)
            self.shown += np.bincount(artwork, closed.outcomes.rendered, size)
            self.taken += np.bincount(artwork, closed.outcomes.taken, size)


def logging_policy(kind: str, artworks: int, epsilon: float) -> LoggingPolicy:
    """The policy that a command line names.

    Raises:
        BadInput: there is none of that name.
    """
    if kind == "uniform":
        return Uniform()
    if kind == "epsilon":
        return UnpersonalisedEpsilon(artworks, epsilon)
    raise BadInput(f"--policy {kind}: use uniform or epsilon")
