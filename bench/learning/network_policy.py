"""The product's own network as a policy of the artwork rounds: trained anew as the log grows.

Between trainings every batch of rewards is taken in in closed form: by `neural_linear` heads in
their posterior, and, by every kind, in the record that each artwork has of its own.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bandit.choice import profile_keys
from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bandit.simple import uniform
from bench.learning.stage import Stage, View
from bench.learning.update_schedule import Pace
from data.features import CAST_BUCKETS
from model.heads.artwork_random_effects import OwnRecord
from model.heads.bootstrap_weights import Scheme, bootstrap_weights
from model.heads.interface import Kind
from model.heads.neural_linear import NeuralLinearHeads
from model.heads.scale_gradient import scale_gradient
from model.network.losses import bootstrap_loss
from model.network.towers import Marquee

ROWS = 4096
"""Decisions scored at a time."""
WARM_UP = 0.1
"""Share of a training's steps in which the rate rises."""


@dataclass(frozen=True)
class MarqueeSettings(Pace):
    """How the network is trained and how it explores; a day's decisions more are always enough."""

    kind: Kind = "neural_linear"
    """Of the heads."""
    heads: int = 20
    """In the bank."""
    prior_scale: float = 0.3
    """Deviation of prior functions, or of neural_linear's prior, in logits."""
    scheme: Scheme = "double_or_nothing"
    """Of the bootstrap."""
    temperature: float = 0.3
    """Factor on the deviation of posterior draws: contexts that vary explore by themselves."""
    vector_scale: float = 0.5
    """Of artworks' own vectors, see `OwnRecord`; 0: no record is kept."""
    level_scale: float = 0.2
    """Of artworks' own levels, in logits."""
    rate: float = 3e-3
    """Highest learning rate of AdamW."""
    decay: float = 1e-2
    """Weight decay."""
    passes: int = 4
    """Times that a training sees all decisions."""
    steps: int = 60
    """Least steps of a training."""
    minibatch: int = 1024
    """Decisions a step."""
    epsilon: float = 0.0
    """Share of uniform exploration."""


class MarqueePolicy:
    """A log, the network that was trained on it last, and what was told since."""

    def __init__(self, stage: Stage, seed: int, settings: MarqueeSettings) -> None:
        if (whole := stage.whole) is None:
            raise ValueError("the stage has no whole features; the network reads nothing else")
        torch.set_num_threads(1)
        self.settings, self.whole, self.seed = settings, whole, seed
        self.per_day = stage.per_day
        self.draw = torch.Generator().manual_seed(seed)
        self.embedding = _tensor(whole.pixels(stage.bank))
        self.given = [_tensor(part) for part in whole.candidates(stage.bank)]
        self.sample = _tensor(whole.context(stage.sample()).dense)
        self.log: list[tuple[Tensor, ...]] = []
        self.rows = self.trained_rows = self.trainings = 0
        self.network: Marquee | None = None

    def batch(self) -> int:
        """See `Learner`."""
        return self.settings.batch(self.rows)

    def probabilities(self, view: View) -> np.ndarray:
        """See `Learner`; even until the first training."""
        if self.network is None:
            return uniform(view.valid)
        policy = HeadPolicy("thompson", self.settings.epsilon)
        return score_probabilities(self.scores(view), view.valid, policy)

    @torch.no_grad()
    def scores(self, view: View) -> np.ndarray:
        """[decisions, heads, candidates]."""
        found = []
        for at in range(0, len(view.contexts), ROWS):
            facts = self._facts(view.contexts[at : at + ROWS])
            candidates = torch.from_numpy(view.candidates[at : at + ROWS])
            network = self._evaluated()
            bank = network.context(*facts)[0]
            scores = bank @ self.vectors[candidates].transpose(1, 2)
            if self.settings.vector_scale:
                scores += self.record(self._mean(facts), candidates)[:, None]
                scores += self.levels[: bank.shape[1], candidates].transpose(0, 1)
            found.append(scores.numpy())
        return np.concatenate(found)

    def learn(
        self, view: View, actions: np.ndarray, propensities: np.ndarray, rewards: np.ndarray
    ) -> None:
        """See `Learner`."""
        del propensities
        shown = torch.from_numpy(view.candidates[np.arange(len(actions)), actions].astype(np.int64))
        ids = [str(i) for i in range(self.rows, self.rows + len(actions))]
        scheme = self.settings.scheme if self.settings.kind == "bootstrap" else "none"
        weights = bootstrap_weights(profile_keys(ids), self._trained_heads, scheme)
        told = (*self._facts(view.contexts), shown, _tensor(rewards), _tensor(weights))
        self.log.append(told)
        self.rows += len(actions)
        if self.settings.due(self.rows, self.trained_rows, self.per_day):
            self._train()
        elif self.network is not None:
            self._tell(told)

    @property
    def _trained_heads(self) -> int:
        return self.settings.heads if self.settings.kind in ("bootstrap", "dropout") else 1

    def _facts(self, contexts: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        dense, ids, weights = self.whole.context(contexts)
        return _tensor(dense), torch.from_numpy(ids), _tensor(weights)

    def _train(self) -> None:
        """A new network from the whole log."""
        s = self.settings
        log = [torch.cat(parts) for parts in zip(*self.log, strict=True)]
        self.log = [tuple(log)]
        rewards = log[4]
        self.network = network = self._untrained(float(rewards.mean().clamp(0.01, 0.99)))
        wanted = max(s.passes * -(-self.rows // s.minibatch), s.steps)
        optimizer = torch.optim.AdamW(
            [p for p in network.parameters() if p.requires_grad],
            lr=s.rate, weight_decay=s.decay, fused=True,
        )  # fmt: skip
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, s.rate, total_steps=wanted + 1, pct_start=WARM_UP
        )
        network.train()
        order = torch.randperm(self.rows, generator=self.draw)
        at = 0
        for _ in range(wanted):
            if at >= self.rows:
                order, at = torch.randperm(self.rows, generator=self.draw), 0
            rows = order[at : at + s.minibatch]
            at += s.minibatch
            *facts, shown, reward, weights = (part[rows] for part in log)
            optimizer.zero_grad()
            bootstrap_loss(self._logits(facts, shown), reward, weights).backward()
            optimizer.step()
            schedule.step()
        self.trained_rows, self.trainings = self.rows, self.trainings + 1
        self._fill(log)

    def _untrained(self, mean: float) -> Marquee:
        s = self.settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1000 * self.seed + self.trainings)
            network = Marquee(
                None, embedding=self.whole.embedding, context=self.whole.facts,
                title=self.whole.title, genres=self.whole.genres, buckets=CAST_BUCKETS,
                kind=s.kind, heads=s.heads, prior_scale=s.prior_scale,
                base=float(np.log(mean / (1 - mean))), seed=self.seed,
            )  # fmt: skip
        network.context.frozen.standardise(self.sample)
        return network

    def _logits(self, facts: list[Tensor], shown: Tensor) -> Tensor:
        """Of each trained head, as `Learner` has them."""
        network = self.network
        assert network is not None
        vectors, title = network.candidate(self.embedding, *self.given)
        functionals, appeal = network.context(*facts)
        heads = functionals.shape[1]
        artwork = (functionals * scale_gradient(vectors, 1 / heads)[shown][:, None]).sum(2)
        together = (appeal * title[shown]).sum(1, keepdim=True) + network.bias
        return artwork + scale_gradient(together, 1 / heads)

    @torch.no_grad()
    def _fill(self, log: list[Tensor]) -> None:
        """Posteriors of the new network from the whole log, in the order in which it came."""
        s, network = self.settings, self._evaluated()
        self.vectors, self.titles = network.candidate(self.embedding, *self.given)
        heads = network.context.heads
        if s.vector_scale:
            self.record = OwnRecord(len(self.vectors), heads.rank)
            rank_vectors = self.vectors[:, : heads.rank]
            some = self._mean([part[:ROWS] for part in log[:3]])
            self.record.reset(rank_vectors, some, s.vector_scale, s.level_scale)
        if isinstance(heads, NeuralLinearHeads):
            first = heads.features(network.context.features(*(p[:ROWS] for p in log[:3])),
                                   self.vectors[log[3][:ROWS]])  # fmt: skip
            heads.recentre(float(first.square().sum(1).mean()))
        for at in range(0, self.rows, ROWS):
            self._take_in([part[at : at + ROWS] for part in log])
        self._draw()

    def _tell(self, told: tuple[Tensor, ...]) -> None:
        self._take_in(list(told))
        self._draw()

    @torch.no_grad()
    def _take_in(self, told: list[Tensor]) -> None:
        """Closed-form updates: the last layer first, then each artwork's own record."""
        network = self._evaluated()
        heads = network.context.heads
        *facts, shown, reward, _ = told
        vectors = self.vectors[shown]
        mean = self._mean(facts)
        g = network.context.features(*facts)
        rest = (network.context.appeal(g) * self.titles[shown]).sum(1) + network.bias
        if isinstance(heads, NeuralLinearHeads):
            functional = network.context(*facts)[0][:, 0, heads.rank :]
            rest = rest + (functional * vectors[:, heads.rank :]).sum(1)
            features = heads.features(g, vectors)
            own = self.record(mean, shown) if self.settings.vector_scale else 0.0
            heads.update(features, reward, offset=rest + own)
            offset = rest + features @ heads.last[0].mean.float()
        else:
            offset = rest + (network.context(*facts)[0].mean(1) * vectors).sum(1)
        if self.settings.vector_scale:
            self.record.update(mean, shown, reward, offset)

    def _draw(self) -> None:
        s, heads = self.settings, self._evaluated().context.heads
        if isinstance(heads, NeuralLinearHeads):
            heads.draw(self.draw, s.temperature)
        if s.vector_scale:
            spread = 0.0 if s.kind == "point" else s.temperature
            self.levels = self.record.level_draws(heads.heads, self.draw, spread)

    @torch.no_grad()
    def _mean(self, facts: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
        """The trained functional on the learnt numbers, averaged over heads: [decisions, rank]."""
        context = self._evaluated().context
        heads = context.heads
        if isinstance(heads, NeuralLinearHeads):
            few = heads.context(context.features(*facts))[:, :-1]
            return heads.functional(few) + heads.bias
        return heads.learnt(context.features(*facts)).mean(1)

    def _evaluated(self) -> Marquee:
        assert self.network is not None
        return self.network.eval()


def _tensor(rows: np.ndarray) -> Tensor:
    return (
        torch.from_numpy(np.ascontiguousarray(rows, np.float32))
        if (rows.dtype.kind == "f")
        else torch.from_numpy(np.ascontiguousarray(rows))
    )
