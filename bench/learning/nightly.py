"""A small learner for questions about rewards and worlds: decides by day, is renewed by night."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from bandit.choice import choose
from bandit.simple import uniform
from bandit.thompson import thompson_probabilities
from bench.learning.stage import View
from model.heads.interface import HeadSettings
from model.heads.neural_linear import NeuralLinearHeads
from simulate.world.catalogue_truth import CatalogueTruth

HEADS = 20
THEMES = 3.0
"""Factor on the shares of themes shown, which brings them to the size of the style's numbers."""
FIRST_LEVEL = 0.15
LEVEL_PRIOR = 20.0
"""Impressions that the first guess of the mean reward counts for."""


@dataclass(frozen=True)
class Memory:
    """What a learner keeps of earlier days."""

    decay: float = 1.0
    """Factor on what was learnt before, each day."""
    window: int | None = None
    """Days that are learnt from; None: all."""


class Nightly:
    """neural_linear's last layer, in closed form, on products of context and candidate."""

    def __init__(self, view: View, memory: Memory, temperature: float, seed: int) -> None:
        """Make one that knows nothing.

        Args:
            view: some rounds, for the sizes.
            memory: what it keeps.
            temperature: on the deviation of the posterior's draws.
            seed: of these.
        """
        self.memory, self.temperature = memory, temperature
        width, rank = view.contexts.shape[1], view.bank.shape[1]
        settings = HeadSettings(
            width, rank, HEADS, prior=0, prior_scale=1.0, last_width=0, seed=seed
        )
        self.heads = NeuralLinearHeads(settings).eval()
        self.generator = torch.Generator().manual_seed(seed)
        self.days: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.earned = np.array([FIRST_LEVEL, 1 - FIRST_LEVEL]) * LEVEL_PRIOR
        self._begin()

    def _begin(self) -> None:
        width = self.heads.functional.in_features
        self.heads.recentre(size=float(self.heads.rank * (width + 1)), zero=True)

    @torch.no_grad()
    def probabilities(self, view: View) -> Float[np.ndarray, "rounds candidates"]:
        """Thompson sampling's."""
        vectors = torch.from_numpy(view.bank)[torch.from_numpy(view.candidates)]
        scores = self.heads(torch.from_numpy(view.contexts)) @ vectors.transpose(1, 2)
        return thompson_probabilities(scores.numpy(), view.valid, 0.0)

    @torch.no_grad()
    def learn(self, view: View, actions: np.ndarray, rewards: np.ndarray) -> None:
        """Take in a day, and forget of the days before what is to be forgotten."""
        shown = torch.from_numpy(view.bank[view.candidates[np.arange(len(actions)), actions]])
        today = (
            self.heads.features(torch.from_numpy(view.contexts), shown),
            torch.from_numpy(rewards),
        )
        count = np.array([rewards.sum(), len(rewards) - rewards.sum()])
        self.earned = self.memory.decay * self.earned + count
        if self.memory.window is None:
            self._tell(*today, self.memory.decay)
        else:
            self.days = [*self.days, today][-self.memory.window :]
            self._begin()
            for day in self.days:
                self._tell(*day, 1.0)
        self.heads.draw(self.generator, scale=self.temperature)

    def _tell(self, features: torch.Tensor, rewards: torch.Tensor, forget: float) -> None:
        level = float(np.log(self.earned[0] / self.earned[1]))
        offset = torch.full((len(rewards),), level)
        self.heads.update(features, rewards, offset=offset, forget=forget)


def nights(
    learner: Nightly,
    view: View,
    expected: Float[np.ndarray, "rounds candidates"],
    days: int,
    seed: int,
) -> Float[np.ndarray, "rounds candidates"]:
    """What a learner did in all rounds: a day of uniform choice, then by what it learnt so far.

    Args:
        learner: untrained.
        view: rounds of as many decisions each day.
        expected: rewards that it learns from, 0 … 1.
        days: how many.
        seed: of choices and rewards.
    """
    draws = np.random.default_rng([seed, 1]).random(len(view.valid))
    luck = np.random.default_rng([seed, 2]).random(len(view.valid))
    done = []
    for rows in np.array_split(np.arange(len(draws)), days):
        today = View(view.contexts[rows], view.bank, view.candidates[rows], view.valid[rows])
        p = learner.probabilities(today) if done else uniform(today.valid)
        actions = choose(p, draws[rows])
        earned = luck[rows] < expected[rows, actions]
        learner.learn(today, actions, earned.astype(np.float64))
        done.append(p)
    return np.concatenate(done)


def true_content_features(truth: CatalogueTruth) -> Float[np.ndarray, "artworks numbers"]:
    """Themes shown, style and how much each artwork misleads: what perfect sight would tell."""
    return np.concatenate(
        [THEMES * truth.themes_shown, truth.style, truth.mislead[:, None]], axis=1
    )
