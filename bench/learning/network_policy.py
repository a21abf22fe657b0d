"""The product as a policy of the artwork rounds: its own training, anew as the log grows.

Between trainings every batch of rewards is observed in closed form, by the posterior that the
product's training leaves. Scores are what a bundle would serve, and so are probabilities.
"""

import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bandit.simple import uniform
from bench.learning.online.update_schedule import Pace
from bench.learning.stage import Stage, View
from data.features import CandidateFeatures, ContextFeatures
from export.graphs.graphs import GraphParts
from model.heads.interface import DEFAULT_KIND, Kind
from model.network.towers import ColumnMatch
from model.training.dataset import Examples, Masks, bootstrap_weights
from model.training.exploring import STEADY
from model.training.fit_hierarchical import CatalogueArtworks
from model.training.run import TrainedNetwork, TrainingData, train_network
from model.training.settings import Data, Fit, HeadOptions, Model, RandomEffects, Settings
from serve.scoring.scored import Artworks, ScoredMembers

ROWS = 4096
"""Decisions scored at a time."""
LEAST_MEAN = 0.01
"""Mean reward of a log that has few, from which a network starts."""


@dataclass(frozen=True)
class NetworkSettings(Pace):
    """How the network is trained and how it explores; a day's decisions more are always enough."""

    kind: Kind = DEFAULT_KIND
    """Of the heads."""
    heads: int = 20
    """In the bank."""
    prior_scale: float = 0.3
    """Deviation of prior functions, or of neural_linear's prior, in logits."""
    masks: Masks = "double_or_nothing"
    """Of the bootstrap."""
    posterior_scale: float = STEADY
    """Factor on the deviation of random effects."""
    rate: float = 3e-3
    """Highest learning rate."""
    passes: int = 4
    """Times that a training sees all decisions."""
    steps: int = 60
    """Least steps of a training."""
    minibatch: int = 1024
    """Decisions a step."""
    epsilon: float = 0.0
    """Share of uniform exploration."""

    def training(self, rows: int, seed: int, out: str) -> Settings:
        """The product's settings for a log of so many rows."""
        passes = max(self.passes, -(-self.steps // -(-rows // self.minibatch)))
        heads = HeadOptions(self.kind, self.heads, prior_scale=self.prior_scale, masks=self.masks)
        effects = RandomEffects(posterior_scale=self.posterior_scale)
        return Settings(
            model=Model("features", heads=heads, random_effects=effects),
            fit=Fit(
                passes=passes,
                decisions=self.minibatch,
                rate=self.rate,
                patience=passes,
                progress=False,
            ),
            out=out,
            seed=seed,
        )


class Log:
    """What was decided and earned, as the towers read it."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.rows = 0

    def add(self, contexts: np.ndarray, shown: np.ndarray, rewards: np.ndarray) -> slice:
        """Some more; gives their rows."""
        self.parts.append((contexts, shown.astype(np.int64), rewards.astype(np.float32)))
        self.rows += len(shown)
        return slice(self.rows - len(shown), self.rows)

    def columns(self, rows: slice) -> tuple[np.ndarray, ...]:
        """Contexts, artworks shown and rewards."""
        self.parts = [tuple(np.concatenate(column) for column in zip(*self.parts, strict=True))]
        return tuple(column[rows] for column in self.parts[0])


class NetworkPolicy:
    """A log, and what the product's training made of it."""

    def __init__(self, stage: Stage, seed: int, settings: NetworkSettings) -> None:
        if (whole := stage.whole) is None:
            raise ValueError("the stage has no whole features; the network reads nothing else")
        torch.set_num_threads(1)
        self.settings, self.whole, self.seed = settings, whole, seed
        self.per_day = stage.per_day
        self.candidates = CandidateFeatures(*map(_array, whole.candidates(stage.bank)))
        self.embeddings = _array(whole.pixels(stage.bank))
        of_title = [self.candidates.dense[:, : whole.genres + 2], self.candidates.title_cast_ids]
        titles = np.unique(np.concatenate(of_title, 1), axis=0, return_inverse=True)[1]
        ids = [f"artwork-{row}" for row in range(len(self.embeddings))]
        self.artworks = CatalogueArtworks(ids, titles.reshape(-1))
        self.sample = _array(stage.sample())
        self.log = Log()
        self.trained_rows = self.trainings = 0
        self.trained: TrainedNetwork | None = None

    def batch(self) -> int:
        """See `Learner`."""
        return self.settings.batch(self.log.rows)

    def probabilities(self, view: View) -> np.ndarray:
        """See `Learner`; even until the first training."""
        if self.trained is None:
            return uniform(view.valid)
        policy = HeadPolicy("thompson", self.settings.epsilon)
        return score_probabilities(self.scores(view), view.valid, policy)

    def scores(self, view: View) -> Float[np.ndarray, "decisions heads candidates"]:
        """As a bundle has them that is exported now."""
        parts = []
        for at in range(0, len(view.contexts), ROWS):
            facts = self._context(view.contexts[at : at + ROWS])
            members = ScoredMembers.said(self.parts("context.onnx", tuple(facts)), facts)
            parts.append(members.scores(self.bank.at(view.candidates[at : at + ROWS])))
        return np.concatenate(parts)

    def learn(
        self, view: View, actions: np.ndarray, propensities: np.ndarray, rewards: np.ndarray
    ) -> None:
        """See `Learner`."""
        del propensities
        shown = view.candidates[np.arange(len(actions)), actions]
        rows = self.log.add(view.contexts, shown, rewards)
        if self.settings.due(self.log.rows, self.trained_rows, self.per_day):
            self._train()
        elif self.trained is not None:
            self._observe(rows)
        self._serve()

    def _train(self) -> None:
        """The product's run on the whole log; what it validates on, it then observes."""
        rows = self.log.rows
        earlier = slice(0, rows - int(Data().validation * rows))
        later = slice(earlier.stop, rows) if earlier.stop < rows else earlier
        mean = self.log.columns(slice(0, rows))[2].mean()
        nothing = np.zeros(len(self.sample), np.int64)
        data = TrainingData(
            self._examples(self.sample, nothing, nothing),
            self.whole.genres,
            float(np.clip(mean, LEAST_MEAN, 1 - LEAST_MEAN)),
            self.artworks,
            lambda heads: (self._logged(earlier, heads), self._logged(later, heads)),
            groups=self.whole.groups,
            read_outs=self.whole.read_outs,
            matches=tuple(ColumnMatch(of.member, of.artwork) for of in self.whole.matches),
        )
        seed = 1000 * self.seed + self.trainings
        with tempfile.TemporaryDirectory() as out:
            self.trained = train_network(self.settings.training(rows, seed, out), data)
        if later != earlier:
            self._observe(later)
        self.trained_rows, self.trainings = rows, self.trainings + 1

    def _observe(self, rows: slice) -> None:
        assert self.trained is not None
        examples = self._logged(rows, self.trained.network.context.heads.trained_heads)
        for at in range(0, len(examples), ROWS):
            self.trained.posterior.observe(examples, np.arange(at, min(at + ROWS, len(examples))))

    def _serve(self) -> None:
        """What a bundle would have in it: members are asked for, artworks are kept."""
        if self.trained is None:
            return
        records = self.trained.posterior.records()
        self.parts = GraphParts(self.trained.network, records is not None)
        given = self.embeddings, *self.candidates
        self.bank = Artworks.said(self.parts("candidate.onnx", given), self.candidates)
        if records is not None:
            joined = records.joined(self.bank.vectors, self.artworks.ids)
            self.bank = self.bank._replace(vectors=joined)

    def _logged(self, rows: slice, heads: int) -> Examples:
        ids = [str(row) for row in range(rows.start, rows.stop)]
        contexts, shown, rewards = self.log.columns(rows)
        weights = bootstrap_weights(ids, heads, self.settings.masks)
        return self._examples(contexts, shown, rewards, weights)

    def _examples(
        self,
        contexts: np.ndarray,
        shown: np.ndarray,
        rewards: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> Examples:
        return Examples(
            self._context(contexts),
            shown,
            rewards.astype(np.float32),
            np.ones(len(shown), np.float32),
            np.ones((len(shown), 1), np.float32) if weights is None else weights,
            self.candidates,
            self.embeddings,
            np.arange(len(self.embeddings)),
        )

    def _context(self, rows: np.ndarray) -> ContextFeatures:
        return ContextFeatures(*map(_array, self.whole.context(rows)))


def _array(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows, np.float32 if rows.dtype.kind == "f" else rows.dtype)
