"""A bandit that decides by the product's heads and learns every night, in a world known to us."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from bandit.floor import epsilon_floor
from bandit.thompson import thompson_votes
from model.heads.epistemic_index import INDEX, index_rows
from model.heads.hierarchical_logistic import HierarchicalLogistic

FEATURES, COMPONENTS, HEADS, EPSILON, LEVEL = 8, 8, 20, 0.05, -2.0


@dataclass(frozen=True)
class NightlyWorld:
    """Titles whose candidates are replaced from day to day."""

    name: str
    titles: int
    candidates: int
    per_day: int
    """Decisions."""
    days: int
    renewal: float
    """Share of artworks that a day replaces."""
    level: float
    """Deviation of what artworks are worth to all, in logits."""
    facts: float
    """The same of what each number of a member moves; 0: nobody differs."""
    content: float
    """Factor on the part that content tells."""


class NightlyCatalogue:
    """Artworks of all days, and which of them each day has."""

    def __init__(self, world: NightlyWorld, seed: int) -> None:
        rng, draw = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        slots = np.arange(world.titles * world.candidates)
        titles, self.days = [slots // world.candidates], [slots]
        count = len(slots)
        for _ in range(1, world.days):
            new = rng.choice(len(slots), rng.binomial(len(slots), world.renewal), replace=False)
            slots = slots.copy()
            slots[new] = count + np.arange(len(new))
            titles.append(new // world.candidates)
            self.days.append(slots)
            count += len(new)
        self.title_of = np.concatenate(titles)
        self.components = torch.randn(count, COMPONENTS, generator=draw) / COMPONENTS**0.5
        spread = torch.tensor([world.level] + [world.facts] * (FEATURES - 1))
        shared = torch.randn(COMPONENTS, FEATURES, generator=draw) * spread * world.content
        own = torch.randn(count, FEATURES, generator=draw) * spread
        self.weights = own + self.components @ shared
        self.level = LEVEL + 0.6 * torch.randn(world.titles, generator=draw)

    def decisions(
        self, world: NightlyWorld, day: int, seed: int
    ) -> tuple[Float[torch.Tensor, "rows features"], Int[torch.Tensor, "rows candidates"]]:
        """Facts and candidates of a day's decisions."""
        rng = np.random.default_rng([seed, day])
        title = rng.integers(world.titles, size=world.per_day)
        x = rng.standard_normal((world.per_day, FEATURES)).astype(np.float32)
        x[:, 0] = 1
        slots = self.days[day].reshape(world.titles, world.candidates)
        return torch.from_numpy(x), torch.from_numpy(slots[title])

    def takes(self, x: torch.Tensor, shown: torch.Tensor) -> Float[np.ndarray, "rows candidates"]:
        """True probabilities."""
        logits = (x[:, None] * self.weights[shown]).sum(2)
        level = self.level[torch.from_numpy(self.title_of)[shown]]
        return torch.sigmoid(logits + level).double().numpy()


def regret(world: NightlyWorld, scale: float, seed: int) -> float:
    """Of all days after the first, which chooses at random, as a share of choosing at random.

    Args:
        world: which.
        scale: share of the doubt that heads explore with.
        seed: of the world and of what happens in it.
    """
    catalogue, lost, random = NightlyCatalogue(world, seed), 0.0, 0.0
    title_of = torch.from_numpy(catalogue.title_of)
    regression = HierarchicalLogistic(catalogue.components, title_of, FEATURES)
    luck = np.random.default_rng([seed, 1_000_000])
    for day in range(world.days):
        x, candidates = catalogue.decisions(world, day, seed)
        takes = catalogue.takes(x, candidates)
        p = np.full(takes.shape, 1 / world.candidates)
        if day:
            p = _probabilities(regression, scale, x, candidates)
            lost += float((takes.max(1) - (p * takes).sum(1)).sum())
            random += float((takes.max(1) - takes.mean(1)).sum())
        at, won = luck.random((2, len(p)))
        chosen = (p.cumsum(1) < at[:, None]).sum(1).clip(0, world.candidates - 1)
        rows = np.arange(len(p))
        artworks = candidates[rows, torch.from_numpy(chosen)]
        rewards = torch.from_numpy((won < takes[rows, chosen]).astype(np.float32))
        regression.observe(x, artworks, rewards, LEVEL)
        regression.solve(40)
        regression.learn_variances(2)
    return lost / random


def _probabilities(
    regression: HierarchicalLogistic, scale: float, x: torch.Tensor, candidates: torch.Tensor
) -> Float[np.ndarray, "rows candidates"]:
    """As a bundle's heads decide."""
    doubt = regression.doubt(torch.eye(FEATURES), INDEX)
    mean = (x[:, None] * regression.within_title()[candidates]).sum(2)
    heads = (doubt.readings[:, None] * doubt.levels) @ index_rows(HEADS)[:, 1:].T
    scores = mean[:, None] + scale * heads[candidates].transpose(1, 2)
    valid = np.ones(candidates.shape, bool)
    votes = thompson_votes(scores.double().numpy(), valid)
    return epsilon_floor(votes, valid, EPSILON)
