"""A world for the gate: members with tastes, titles with artwork, rules that see both with error.

Nothing of the product's simulator: appeal is bilinear in drawn tastes and loadings, use is
heavy-tailed, and what a rule earns is known exactly, as the mean over members and titles.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from evaluate.ope.feedback import GROUPS, Feedback
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.reward_model import CrossFittedMeans

MEMBERS, TITLES, ARTWORKS, TASTES = 4000, 40, 6, 4
ROWS_A_PROFILE = 12
RANDOM_BEHIND = 0.14
"""Share of the live rule's value that random artwork lies behind."""
ERROR = 1.2
"""Of rules, as a share of what they estimate."""

Rule = Float[np.ndarray, "members titles artworks"]
"""Probabilities."""


@dataclass(frozen=True)
class GateWorld:
    """Members, titles and artworks.

    Attributes:
        takes: chance of a take of each artwork of each title with each member.
        titles: share of decisions of each title.
        rules: choices of rules that are about equally good and disagree; the first is live.
    """

    takes: Float[np.ndarray, "members titles artworks"]
    titles: Float[np.ndarray, " titles"]
    rules: Int[np.ndarray, "rules members titles"]

    @classmethod
    def draw(cls, seed: int, base: float, rules: int = 6) -> "GateWorld":
        """A world in which takes are about as frequent as `base`."""
        rng = np.random.default_rng([seed, 11])
        tastes = rng.normal(size=(MEMBERS, TASTES))
        loadings = rng.normal(size=(TASTES, TITLES * ARTWORKS)) / np.sqrt(TASTES)
        appeal = tastes @ loadings + rng.normal(size=TITLES * ARTWORKS)
        level = rng.normal(0, 0.6, (MEMBERS, 1)) + np.repeat(rng.normal(0, 0.5, TITLES), ARTWORKS)
        titles = rng.pareto(2.0, TITLES) + 0.3
        choices = []
        for _ in range(rules):
            seen = tastes @ (loadings + ERROR * rng.normal(size=loadings.shape) / np.sqrt(TASTES))
            seen += rng.normal(0, ERROR, TITLES * ARTWORKS)
            choices.append(_by_title(seen + appeal - tastes @ loadings).argmax(-1))
        shares = titles / titles.sum()

        def world(scale: float) -> "GateWorld":
            logits = special.logit(base) + level + scale * appeal
            return cls(_by_title(special.expit(logits)), shares, np.stack(choices))

        low, high = 0.0, 3.0
        for _ in range(12):
            middle = (low + high) / 2
            tried = world(middle)
            behind = 1 - tried.value(tried.even) / tried.value(tried.rule(0))
            low, high = (middle, high) if behind < RANDOM_BEHIND else (low, middle)
        return world((low + high) / 2)

    def rule(self, number: int) -> Rule:
        """One of the rules."""
        return np.eye(ARTWORKS)[self.rules[number]]

    @property
    def even(self) -> Rule:
        """Random artwork."""
        return np.full(self.takes.shape, 1 / ARTWORKS)

    @cached_property
    def best(self) -> Rule:
        """What each member takes most."""
        return np.eye(ARTWORKS)[self.takes.argmax(-1)]

    @cached_property
    def worst(self) -> Rule:
        """What each member takes least."""
        return np.eye(ARTWORKS)[self.takes.argmin(-1)]

    def value(self, rule: Rule) -> float:
        """Takes a decision, exactly."""
        return float(((rule * self.takes).sum(-1).mean(0) * self.titles).sum())

    def mixed(self, rule: Rule, other: Rule, value: float) -> Rule:
        """A rule mixed with another, such that it earns so much."""
        own, others = self.value(rule), self.value(other)
        share = float(np.clip((own - value) / (own - others), 0, 1))
        return (1 - share) * rule + share * other

    def worth(self, number: int, value: float) -> Rule:
        """One of the rules, mixed with the best, random or the worst until it earns so much."""
        rule = self.rule(number)
        if value >= self.value(rule):
            return self.mixed(rule, self.best, value)
        even = self.even
        return self.mixed(rule, even if value >= self.value(even) else self.worst, value)


@dataclass(frozen=True)
class GateLog:
    """A log of a world, with the product's own model of the reward."""

    members: Int[np.ndarray, " rows"]
    titles: Int[np.ndarray, " rows"]
    logged: Feedback
    """Under its own policy."""

    @classmethod
    def draw(cls, world: GateWorld, policy: Rule, rows: int, seed: tuple[int, ...]) -> "GateLog":
        """Decisions of a policy: profiles come with heavy-tailed use, titles by their share."""
        rng = np.random.default_rng(seed)
        use = 1 + rng.pareto(1.8, rows) * 0.45 * ROWS_A_PROFILE
        profile = np.repeat(np.arange(rows), np.minimum(use, rows / 25).astype(int) + 1)[:rows]
        members = rng.integers(MEMBERS, size=rows)[profile]
        titles = rng.choice(TITLES, rows, p=world.titles)
        chances = policy[members, titles]
        action = (chances.cumsum(-1) < rng.random(rows)[:, None]).sum(-1).clip(max=ARTWORKS - 1)
        at = np.arange(rows)
        feedback = Feedback(
            offsets=np.arange(rows + 1) * ARTWORKS,
            logged=at * ARTWORKS + action,
            reward=(rng.random(rows) < world.takes[members, titles, action]).astype(float),
            propensity=chances[at, action],
            target=chances.ravel(),
            estimated=None,
            group=profile % GROUPS,
        )
        codes = (titles[:, None] * ARTWORKS + np.arange(ARTWORKS)).ravel()
        batch = Batch(feedback, 0, np.zeros(0), [*range(TITLES * ARTWORKS)], codes)
        estimated = CrossFittedMeans().learn([batch]).predict(batch)
        return cls(members, titles, replace(feedback, estimated=estimated))

    def under(self, rule: Rule) -> Feedback:
        """The log under a rule."""
        return replace(self.logged, target=rule[self.members, self.titles].ravel())


def _by_title(flat: Float[np.ndarray, "members flat"]) -> Rule:
    return flat.reshape(len(flat), TITLES, ARTWORKS)
