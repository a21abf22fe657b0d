"""The closed form over facts and artwork as a policy of the artwork rounds.

Every batch of rewards is taken in at once; now and then all is told again about the newer mean.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bandit.simple import uniform
from bench.learning.artwork_features import NameMatch, leading
from bench.learning.stage import Stage, View
from bench.learning.update_schedule import Pace
from model.heads.hierarchical import HierarchicalHeads
from model.heads.hierarchical_logistic import Factors, Hierarchy

ROWS = 4096
"""Decisions scored at a time."""
TOLD = 65_536
"""Impressions told at a time."""
SCALED = 3000
"""Decisions from which the variances are learnt: fewer say too little of them."""
STEPS = 20
"""Of the solver, between tellings of all."""


@dataclass(frozen=True)
class HierarchySettings(Pace):
    """How it explores, and when all is told again: at the latest after a day's decisions."""

    temperature: float = 0.1
    """Factor on the doubt of artworks: contexts that vary explore by themselves."""
    heads: int = 20
    """Draws."""
    places: int = 24
    """Directions of the embedding."""
    rank: int = 24
    """Numbers of an artwork's vector."""


class HierarchyPolicy:
    """A log of what was shown, and the posterior that it led to."""

    def __init__(self, stage: Stage, seed: int, settings: HierarchySettings) -> None:
        if (whole := stage.whole) is None:
            raise ValueError("the stage has no whole features; the hierarchy reads nothing else")
        torch.set_num_threads(1)
        self.settings, self.whole, self.per_day = settings, whole, stage.per_day
        self.draw = torch.Generator().manual_seed(seed)
        self.match = NameMatch.of(stage, whole)
        self.contrast = torch.from_numpy(self.match.contrast)
        sample = torch.from_numpy(whole.context(stage.sample()).dense)
        self.heads = HierarchicalHeads(1, whole.facts, settings.rank, settings.heads, prior=0)
        self.heads.standardise(sample)
        facts = self.heads.numbers(sample)
        self.second = facts.T @ facts / len(facts)
        given = whole.candidates(stage.bank)
        said = np.concatenate([given.dense[:, : whole.genres + 2], given.title_cast_ids], 1)
        title_of = np.unique(said, axis=0, return_inverse=True)[1].reshape(-1)
        places = torch.from_numpy(leading(whole.pixels(stage.bank), settings.places)).float()
        self.posterior = Hierarchy(places, torch.from_numpy(title_of), facts.shape[1] + 2)
        self.log: list[tuple[Tensor, Tensor, Tensor]] = []
        self.rows = self.told = 0
        self.level = self.match_weight = 0.0
        self.factors: Factors | None = None

    def batch(self) -> int:
        """See `Learner`."""
        return self.settings.batch(self.rows)

    def probabilities(self, view: View) -> np.ndarray:
        """See `Learner`; even until the first rewards."""
        if self.factors is None:
            return uniform(view.valid)
        return score_probabilities(self.scores(view), view.valid, HeadPolicy("thompson"))

    @torch.no_grad()
    def scores(self, view: View) -> np.ndarray:
        """[decisions, heads, candidates]."""
        assert self.factors is not None
        found = []
        for at in range(0, len(view.contexts), ROWS):
            facts, watched = self._facts(view.contexts[at : at + ROWS])
            candidates = torch.from_numpy(view.candidates[at : at + ROWS])
            read = facts @ self.factors.reads
            mean = (read[:, None] * self.factors.vectors[candidates]).sum(2)
            mean += self.match_weight * (watched[:, None] * self.contrast[candidates]).sum(2)
            found.append((mean[:, None] + self.levels[:, candidates].transpose(0, 1)).numpy())
        return np.concatenate(found)

    def learn(
        self, view: View, actions: np.ndarray, propensities: np.ndarray, rewards: np.ndarray
    ) -> None:
        """See `Learner`."""
        del propensities
        shown = torch.from_numpy(view.candidates[np.arange(len(actions)), actions].astype(np.int64))
        facts, watched = self._facts(view.contexts)
        match = self.match(watched.numpy(), shown.numpy())
        x = torch.cat([facts, torch.from_numpy(match)], 1)
        told = x, shown, torch.from_numpy(rewards.astype(np.float32))
        self.log.append(told)
        self.rows += len(actions)
        if self.settings.due(self.rows, self.told, self.per_day):
            self._tell_all()
        else:
            self.posterior.tell(*told, self.level)
            self.posterior.settle(STEPS)
        self._conclude()

    def _tell_all(self) -> None:
        x, shown, rewards = (torch.cat(parts) for parts in zip(*self.log, strict=True))
        self.log = [(x, shown, rewards)]
        if not self.told:
            self.level = float(torch.logit((rewards.sum() + 1) / (len(rewards) + 10)))
        for _ in range(2):
            self.posterior.forget()
            for at in range(0, len(x), TOLD):
                rows = slice(at, at + TOLD)
                self.posterior.tell(x[rows], shown[rows], rewards[rows], self.level)
            self.posterior.settle()
            if self.rows >= SCALED:
                self.posterior.learn_scales()
        self.told = self.rows

    def _conclude(self) -> None:
        self.factors = self.posterior.factors(self.settings.rank, self.second)
        self.match_weight = float(self.posterior.weights()[:, -1].mean())
        doubt = self.settings.temperature * self.posterior.doubts(self.second)
        self.levels = doubt * torch.randn(self.settings.heads, len(doubt), generator=self.draw)

    def _facts(self, contexts: np.ndarray) -> tuple[Tensor, Tensor]:
        """1 and the standardised facts; and the watched names that artwork shows."""
        facts = self.whole.context(contexts)
        x = self.heads.numbers(torch.from_numpy(facts.dense))
        return x, torch.from_numpy(self.match.watched(facts))
