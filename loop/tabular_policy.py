"""Policies of the closed loop that count what each artwork earned, whoever looked."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from bandit.counts import PRIOR_IMPRESSIONS, BetaCounts
from bandit.exp3 import Exp3
from bandit.simple import uniform
from bandit.tabular import bayesian_ucb, best_unpersonalised, beta_thompson, ucb1
from data.errors import BadInput
from data.examples.stream import ExampleStream
from loop.loop_policy import LoopPolicy
from simulate.browsing.day import Requests
from simulate.world.artwork_world import ArtworkWorld

Rule = Callable[
    [BetaCounts, Bool[np.ndarray, "titles candidates"], float],
    Float[np.ndarray, "titles candidates"],
]
RULES: dict[str, Rule] = {
    "best_by_counts": lambda counts, valid, epsilon: best_unpersonalised(counts, valid, epsilon),
    "beta_thompson": lambda counts, valid, epsilon: beta_thompson(counts, valid, epsilon),
    "bayesian_ucb": lambda counts, valid, epsilon: bayesian_ucb(counts, valid, epsilon=epsilon),
    "ucb1": lambda counts, valid, epsilon: ucb1(counts, valid, epsilon=epsilon),
}
"""Policy → what it makes of each title's counts."""


class TabularPolicy(LoopPolicy):
    """Takes and misses of each artwork."""

    def __init__(self, name: str, world: ArtworkWorld, epsilon: float) -> None:
        super().__init__(name)
        self.rule, self.epsilon = RULES[name], epsilon
        self.row = artwork_rows(world)
        self.takes = np.zeros(len(self.row))
        self.shown = np.zeros(len(self.row))

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Count all examples anew.

        Raises:
            BadInput: a reward outside 0 … 1, which is no share of a take.
        """
        self.takes[:] = self.shown[:] = 0.0
        for batch in examples.batches() if examples is not None else ():
            reward = shares_of_a_take(batch.examples["reward"].to_numpy(), self.name)
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


class Exp3Policy(LoopPolicy):
    """EXP3 in each title, over the examples' importance-weighted rewards.

    Its rate is the paper's for what the best artwork of a title has earned so far (corollary 3.2),
    on average over titles.
    """

    def __init__(self, world: ArtworkWorld, epsilon: float) -> None:
        super().__init__("exp3")
        self.row = artwork_rows(world)
        self.title_of = world.truth.title_of
        self.epsilon = epsilon
        self.exp3 = Exp3.empty(1, len(self.row), epsilon)

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Add up all examples anew.

        Raises:
            BadInput: a reward outside 0 … 1, for which the weights are not made.
        """
        artworks = len(self.row)
        self.exp3 = Exp3.empty(1, artworks, self.epsilon)
        for batch in examples.batches() if examples is not None else ():
            reward = shares_of_a_take(batch.examples["reward"].to_numpy(), self.name)
            rows = np.array([self.row[name] for name in batch.examples["action"].to_pylist()])
            propensities = batch.examples["propensity"].to_numpy()
            first = np.zeros_like(rows)
            self.exp3 = self.exp3.update(first, rows, batch.weights * reward, propensities)
        best = np.zeros(self.title_of.max() + 1)
        np.maximum.at(best, self.title_of, self.exp3.totals[0])
        candidates = max(2.0, artworks / len(best))
        earned = max(float(best.mean()), 1.0)
        share = min(1.0, np.sqrt(candidates * np.log(candidates) / ((np.e - 1) * earned)))
        self.exp3 = replace(self.exp3, rate=float(share / candidates))

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """By the totals of each decision's candidates."""
        totals = self.exp3.totals[0][requests.candidates]
        each = np.arange(len(totals))
        return replace(self.exp3, totals=totals).probabilities(each, requests.valid)


def artwork_rows(world: ArtworkWorld) -> dict[str, int]:
    """The row of each artwork."""
    return {name: row for row, name in enumerate(world.truth.catalogue.artwork_ids)}


def shares_of_a_take(
    reward: Float[np.ndarray, " examples"], policy: str
) -> Float[np.ndarray, " examples"]:
    """The same rewards, where each is from 0 to 1.

    Raises:
        BadInput: one is not.
    """
    if not ((reward >= 0) & (reward <= 1)).all():
        raise BadInput(
            f"policy {policy} counts takes, but rewards reach {reward.max():g}; give --reward take "
            "or play"
        )
    return reward
