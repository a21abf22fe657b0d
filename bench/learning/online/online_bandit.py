"""The neural bandit for plain feature vectors: the same heads on a small trunk, learnt as it goes.

Where candidates are rows of numbers instead of posters, the image encoder falls away and the rest
stays: a trunk reads the context, a map turns each candidate into a vector, the heads' functionals
score it, and a draw of a head is the choice. It learns from a replay of all that it has seen.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from bandit.choice import profile_keys
from bandit.neural import highest_bound
from bandit.thompson import thompson_probabilities
from bench.learning.online.inputs import Standardise, trunk
from bench.learning.online.kernel_pca import Spectrum
from bench.learning.online.online_settings import OnlineSettings
from bench.learning.online.random_fourier_features import Waves
from model.heads.bootstrap_weights import bootstrap_weights
from model.heads.interface import Heads, HeadSettings, LastLayerHeads, ProjectedHeads
from model.heads.make_heads import make_heads
from model.heads.prior_network import PriorNetwork

REACH = 2.0
"""How far apart standardised contexts are for the random waves to keep them apart."""


class OnlineBandit(nn.Module):
    """Scores candidates with a bank of heads, and learns from batches of rewards."""

    def __init__(
        self,
        contexts: Float[np.ndarray, "sample context"],
        candidates: Float[np.ndarray, "bank features"],
        settings: OnlineSettings,
        seed: int = 0,
    ) -> None:
        """Make an untrained bandit.

        Args:
            contexts: some, as they come: inputs are standardised by them.
            candidates: some, for the same.
            settings: see there.
            seed: of all weights and minibatches.
        """
        super().__init__()
        self.settings = s = settings
        self.draw = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.context_scale = Standardise(torch.from_numpy(contexts), s.unstretched)
            self.candidate_scale = Standardise(torch.from_numpy(candidates))
            size = contexts.shape[1]
            self.trunk = trunk(size, s.width)
            self.place = (
                Spectrum(torch.from_numpy(candidates), s.spectrum) if s.spectrum else nn.Identity()
            )
            self.rank = s.spectrum or candidates.shape[1]
            self.frozen_context = PriorNetwork(size, s.frozen, seed)
            self.frozen_candidate = PriorNetwork(candidates.shape[1], 128, seed + 1)
            self.read_out: Tensor
            self.register_buffer("read_out", torch.randn(128, s.prior) / 128**0.5)
            self.doubt = Waves(size, s.doubt, REACH, seed + 2) if s.doubt else None
            self.heads = self._heads(s.width + size + s.doubt, self._arms(candidates), seed)
            self.last = self.heads.infer(_LastLayer())
            if self.last is None and (s.noise or s.doubt or s.choice == "bound"):
                raise ValueError(f"noise, doubt and bound are of neural_linear, not of {s.kind}")
            self.bias = nn.Parameter(torch.zeros(()))
        self.frozen_context.standardise(self.context_scale(torch.from_numpy(contexts)))
        self.frozen_candidate.standardise(self.candidate_scale(torch.from_numpy(candidates)))
        prior = self.frozen_candidate(self.candidate_scale(torch.from_numpy(candidates)))
        spread = (prior @ self.read_out).square().mean().sqrt()
        self.read_out /= spread
        self.optimiser = torch.optim.Adam(
            [p for p in self.parameters() if p.requires_grad],
            lr=s.rate,
            weight_decay=s.decay,
            fused=True,
        )
        self.rows = self.trained_rows = 0
        self.seen: list[tuple[Tensor, ...]] = []

    def _arms(self, candidates: np.ndarray) -> bool:
        """Whether candidates are one-hot, and so are their vectors."""
        return not self.settings.spectrum and np.array_equal(candidates, np.eye(len(candidates)))

    def _heads(self, width: int, per_arm: bool, seed: int) -> Heads:
        s = self.settings
        head_settings = HeadSettings(
            width,
            self.rank,
            s.heads,
            s.prior,
            s.prior_scale,
            s.frozen,
            keep=s.keep,
            last_width=0,
            per_arm=per_arm,
            noise=s.noise or None,
            link=s.link,
            seed=seed,
        )
        return make_heads(s.kind, head_settings)

    def batch(self) -> int:
        """How many rounds to decide before the next rewards are learnt from."""
        return self.settings.batch(self.rows)

    def _trunk(self, x: Tensor) -> Tensor:
        read = torch.cat([self.trunk(x), x], 1)
        if self.doubt is None:
            return read
        if self.training:  # the random functions are the posterior's alone
            return nn.functional.pad(read, (0, self.settings.doubt))
        return torch.cat([read, self.doubt(x)], 1)

    def functionals(self, contexts: Tensor) -> Tensor:
        """[contexts, heads, rank + prior]."""
        x = self.context_scale(contexts)
        return self.heads(self._trunk(x), self.heads.context_input(x, self.frozen_context))

    def vectors(self, candidates: Tensor) -> Tensor:
        """[..., rank + prior]."""
        learnt = self.place(candidates)
        if not self.heads.has_prior_functions:
            return nn.functional.pad(learnt, (0, self.settings.prior))
        x = self.candidate_scale(candidates)
        return torch.cat([learnt, self.frozen_candidate(x) @ self.read_out], -1)

    @torch.no_grad()
    def probabilities(
        self,
        contexts: Float[np.ndarray, "decisions context"],
        bank: Float[np.ndarray, "bank features"],
        candidates: np.ndarray,
        valid: Bool[np.ndarray, "decisions candidates"],
    ) -> Float[np.ndarray, "decisions candidates"]:
        """Of the candidates, which are rows of the bank: see `choice` of the settings."""
        if self.settings.choice == "bound":
            mean, deviation = self.predict(contexts, bank, candidates)
            return highest_bound(mean, deviation, valid, epsilon=self.settings.epsilon)
        scores = self.scores(contexts, bank, candidates)
        return thompson_probabilities(scores, valid, self.settings.epsilon)

    @torch.no_grad()
    def scores(self, contexts: np.ndarray, bank: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """[decisions, heads, candidates]."""
        self.eval()
        vectors = self.vectors(torch.from_numpy(bank))[torch.from_numpy(candidates)]
        functionals = self.functionals(torch.from_numpy(contexts))
        return (functionals @ vectors.transpose(1, 2)).numpy()

    @torch.no_grad()
    def predict(
        self, contexts: np.ndarray, bank: np.ndarray, candidates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predicted mean and deviation by the last layer: [decisions, candidates] each."""
        self.eval()
        heads, many = self.last, candidates.shape[1]
        assert heads is not None
        g = self._trunk(self.context_scale(torch.from_numpy(contexts)))
        vectors = self.vectors(torch.from_numpy(bank))[torch.from_numpy(candidates).flatten()]
        both = heads.predict(heads.features(g.repeat_interleave(many, 0), vectors))
        mean, deviation = (part.reshape(-1, many).numpy() for part in both)
        return mean, deviation

    def learn(
        self,
        contexts: Float[np.ndarray, "impressions context"],
        shown: Float[np.ndarray, "impressions features"],
        rewards: Float[np.ndarray, " impressions"],
        ids: list[str],
    ) -> None:
        """Add a batch to the replay, and train on all of it."""
        s = self.settings
        keys = profile_keys(ids)
        weights = bootstrap_weights(keys, self.heads.trained_heads, s.scheme)
        fresh = [torch.from_numpy(np.ascontiguousarray(v)) for v in (contexts, shown, weights)]
        earned = torch.from_numpy(rewards.astype(np.float32))
        self.seen.append((fresh[0], fresh[1], earned, fresh[2], self._prior_scores(*fresh[:2])))
        x, a, r, w, fixed = (torch.cat(parts) for parts in zip(*self.seen, strict=True))
        self.seen = [(x, a, r, w, fixed)]
        due = s.due(len(r), self.trained_rows)
        if due:
            self._rescale(r)
        target = self._target(r)
        if due:
            self._train(x, a, w, fixed, target)
            self.trained_rows = len(r)
        if s.link == "logit" and not s.steps:
            # Nothing is trained: the level is the share of takes.
            share = (r.sum() + 1) / (len(r) + 2)
            self.bias.data.copy_(torch.logit(share))
        if self.last is not None:
            first = 0 if due else self.rows  # a changed trunk changes all that was observed before
            self._posterior(self.last, x[first:], a[first:], target[first:], again=due)
        self.rows = len(r)

    def _train(self, x: Tensor, a: Tensor, w: Tensor, fixed: Tensor, target: Tensor) -> None:
        s = self.settings
        self.train()
        for _ in range(s.steps):
            rows = torch.randint(0, len(x), (min(s.minibatch, len(x)),), generator=self.draw)
            g = self._trunk(self.context_scale(x[rows]))
            vectors = self.vectors(a[rows])[:, : self.rank]
            scores = (self.heads.learnt(g) * vectors[:, None]).sum(2) + fixed[rows] + self.bias
            wanted = target[rows][:, None].expand_as(scores)
            if s.link == "logit":
                loss = nn.functional.binary_cross_entropy_with_logits(
                    scores, wanted, reduction="none"
                )
            else:
                loss = (scores - wanted).square()
            self.optimiser.zero_grad()
            (w[rows] * loss).sum(1).mean().backward()
            self.optimiser.step()

    @torch.no_grad()
    def _prior_scores(self, x: Tensor, a: Tensor) -> Tensor:
        """The prior functions' part of the scores, which never changes: [rows, heads or 1]."""
        if not self.heads.has_prior_functions:
            return torch.zeros(len(x), 1)
        frozen = self.frozen_context(self.context_scale(x))
        fixed = self.frozen_candidate(self.candidate_scale(a)) @ self.read_out
        return (self.heads.prior_part(frozen) * fixed[:, None]).sum(2)

    @torch.no_grad()
    def _posterior(
        self, heads: LastLayerHeads, x: Tensor, a: Tensor, target: Tensor, again: bool
    ) -> None:
        self.eval()
        features = heads.features(self._trunk(self.context_scale(x)), self.vectors(a))
        if again:
            size = float(features.square().sum(1).mean())
            heads.recentre(size, zero=self.settings.link == "identity" or not self.settings.steps)
        heads.update(features, target, None, self.bias.expand(len(target)))
        if self.settings.choice == "draw":
            heads.draw(self.draw, scale=self.settings.temperature)

    def _rescale(self, rewards: Tensor) -> None:
        """Take the scale of rewards from those seen so far; it stands until the next training."""
        s = self.settings
        self.middle, self.unit = rewards.median(), rewards.std(correction=0).clamp(min=1e-3)
        if s.unit:
            self.middle, self.unit = torch.zeros(()), torch.tensor(s.unit)
        squeezed = self._squeezed(rewards)
        self.level = squeezed.mean(), squeezed.std(correction=0).clamp(min=1e-3)
        if s.unit:
            self.level = squeezed.min(), self._squeezed(self.unit)
        if s.link == "logit":
            self.level = torch.zeros(()), torch.ones(())

    def _squeezed(self, rewards: Tensor) -> Tensor:
        s = self.settings
        if s.link == "logit" or not s.compress:
            return rewards
        return torch.asinh((rewards - self.middle) / self.unit / s.compress)

    def _target(self, rewards: Tensor) -> Tensor:
        return (self._squeezed(rewards) - self.level[0]) / self.level[1]


class _LastLayer:
    """The heads whose last layer has a posterior; None: those of another kind."""

    def random_effects(self) -> None:
        """None: candidates have no name here."""

    def last_layer(self, heads: LastLayerHeads, /) -> LastLayerHeads:
        """The heads."""
        return heads

    def hierarchical_regression(self, heads: ProjectedHeads, /) -> None:
        """None: nor titles."""
