"""Policies of the closed loop that learn from joined examples by counting.

A loop asks its policy for probabilities all day, and lets it look at the examples, all those whose
windows have closed, every night: what it knows is a function of the examples alone.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

from bandit.counts import PRIOR_IMPRESSIONS, BetaCounts
from bandit.simple import uniform
from bandit.tabular import bayesian_ucb, best_unpersonalised, beta_thompson, ucb1
from data.errors import BadInput
from data.examples.stream import ExampleStream
from simulate.browsing.day import DayLog, Requests
from simulate.world.artwork_world import ArtworkWorld


class LoopPolicy(Protocol):
    """A policy that a loop deploys and renews."""

    name: str
    """Written into the log."""
    bundle: str | None
    """The model in force, written into the log; None: no model is asked."""

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """Rows sum to 1 over valid candidates; others get 0."""
        ...

    def learn(self, log: DayLog) -> None:
        """Nothing: what a simulated day knows of itself is not known yet."""
        ...

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Take up the examples as they were joined last, and the model that was published last."""
        ...

    def renew(self, examples: ExampleStream) -> str | None:
        """Publish a new model from the examples where the policy is one of a model; its name."""
        ...


class Examined:
    """A policy that needs nothing but the examples; by itself the uniform one."""

    bundle: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """1 / K each."""
        return uniform(requests.valid)

    def learn(self, log: DayLog) -> None:
        """Nothing; see `LoopPolicy`."""

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Nothing to take up."""

    def renew(self, examples: ExampleStream) -> str | None:
        """No model is published."""
        return None


Rule = Callable[
    [BetaCounts, Bool[np.ndarray, "titles candidates"], float],
    Float[np.ndarray, "titles candidates"],
]
RULES: dict[str, Rule] = {
    "unpersonalised": lambda counts, valid, epsilon: best_unpersonalised(counts, valid, epsilon),
    "beta_thompson": lambda counts, valid, epsilon: beta_thompson(counts, valid, epsilon),
    "bayesian_ucb": lambda counts, valid, epsilon: bayesian_ucb(counts, valid, epsilon=epsilon),
    "ucb1": lambda counts, valid, epsilon: ucb1(counts, valid, epsilon=epsilon),
}
"""Policy → what it makes of each title's counts."""


class Tabular(Examined):
    """Takes and misses of each artwork, whoever looks."""

    def __init__(self, name: str, world: ArtworkWorld, epsilon: float) -> None:
        super().__init__(name)
        self.rule, self.epsilon = RULES[name], epsilon
        self.row = {a: row for row, a in enumerate(world.truth.catalogue.artwork_ids)}
        self.takes = np.zeros(len(self.row))
        self.shown = np.zeros(len(self.row))

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Count all examples anew.

        Raises:
            BadInput: a reward outside 0 … 1, which is no share of a take.
        """
        self.takes[:] = self.shown[:] = 0.0
        for batch in examples.batches() if examples is not None else ():
            reward = batch.examples["reward"].to_numpy()
            if not ((reward >= 0) & (reward <= 1)).all():
                raise BadInput(
                    f"policy {self.name} counts takes, but rewards reach {reward.max():g}; give "
                    "--reward take or play"
                )
            rows = np.array([self.row[name] for name in batch.examples["action"].to_pylist()])
            self.takes += np.bincount(rows, batch.weights * reward, len(self.takes))
            self.shown += np.bincount(rows, batch.weights, len(self.shown))

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """By the counts of each title's candidates; uniform before the first example."""
        if not self.shown.any():
            return uniform(requests.valid)
        _, first, back = np.unique(requests.titles, return_index=True, return_inverse=True)
        candidates, valid = requests.candidates[first], requests.valid[first]
        takes = np.where(valid, self.takes[candidates], 0.0)
        misses = np.where(valid, (self.shown - self.takes)[candidates], 0.0)
        average = (self.takes.sum() + 1) / (self.shown.sum() + 2)
        prior = PRIOR_IMPRESSIONS * average, PRIOR_IMPRESSIONS * (1 - average)
        counts = BetaCounts(np.maximum(takes, 0.0), np.maximum(misses, 0.0), *prior)
        return self.rule(counts, valid, self.epsilon)[back]
