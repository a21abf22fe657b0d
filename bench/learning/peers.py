"""The peers, each behind the same three calls."""

# They are an extra, which a checker need not have installed.
# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from bandit.simple import uniform
from bench.learning.stage import Stage, View
from bench.optional import why_no_package
from data.standardise import Standard

Rows = np.ndarray
PACKAGES = ("bayesianbandits", "contextualbandits", "mabwiser")
"""Peers that are called like their package."""


def why_no_peer(policy: str) -> str | None:
    """Why a peer cannot play here; None if it can, as all that are no peers can."""
    package = "vowpalwabbit" if policy.startswith("vw_") else policy
    return why_no_package(package) if package in (*PACKAGES, "vowpalwabbit") else None


class Vowpal:
    """Vowpal Wabbit's `--cb_explore_adf`, told of every round at once (Bietti et al. 2021)."""

    def __init__(self, stage: Stage, seed: int, explore: str, compress: float = 0.0) -> None:
        # an optional peer
        from vowpalwabbit import Workspace

        self.stage, self.compress = stage, compress
        # Crosses of context and candidate, and with arms those of two numbers of the context too,
        # unless they are given.
        crossed = "-q ca --cubic cca" if stage.fixed and stage.sample().shape[1] < 50 else "-q ca"
        self.vw = Workspace(
            f"--cb_explore_adf {explore} {crossed} --quiet --random_seed {seed} -b 20"
        )
        self.bank = [numbers(row) for row in stage.bank]
        self.unit, self.told = 1.0, 0

    def batch(self) -> int:
        """See `Learner`."""
        return 1

    def _examples(self, view: View) -> tuple[list[str], Rows]:
        valid = np.flatnonzero(view.valid[0])
        rows = view.candidates[0, valid]
        shared = "shared |c " + numbers(view.contexts[0])
        return [shared, *(f"|a {self.bank[row]}" for row in rows)], valid

    def probabilities(self, view: View) -> Rows:
        """See `Learner`."""
        self.lines, self.places = self._examples(view)
        p = np.zeros(view.valid.shape)
        p[0, self.places] = self.vw.predict(self.lines)
        return p / p.sum()

    def learn(self, view: View, actions: Rows, propensities: Rows, rewards: Rows) -> None:
        """See `Learner`."""
        lines, places = self._examples(view)
        at = 1 + int(np.flatnonzero(places == actions[0])[0])
        reward = float(rewards[0])
        if not self.stage.binary:
            # Costs of a size near 1, as Vowpal Wabbit's defaults expect.
            reward = float(np.arcsinh(reward / self.compress)) / 5 if self.compress else reward / 50
        lines[at] = f"0:{-reward:.6f}:{max(propensities[0], 1e-4):.6f} {lines[at]}"
        self.vw.learn(lines)


class BayesianLinear:
    """bayesianbandits' conjugate normal regression: linear Thompson sampling.

    With arms one regression an arm on the context; otherwise one on context × candidate.
    """

    def __init__(
        self, stage: Stage, seed: int, alpha: float, beta: float, compress: float = 0.0
    ) -> None:
        # an optional peer
        from bayesianbandits import NormalRegressor

        self.stage, self.compress = stage, compress
        self.scale = _Scale(stage)
        count = stage.bank.shape[0] if stage.fixed else 1
        self.models = [
            NormalRegressor(alpha=alpha, beta=beta, random_state=seed + arm) for arm in range(count)
        ]
        self.rows = 0
        for model in self.models:
            zero = np.zeros((1, self._inputs(stage.sample()[:1], stage.bank[:1]).shape[1]))
            model.partial_fit(zero, np.zeros(1))

    def batch(self) -> int:
        """See `Learner`."""
        return int(min(max(self.rows // 20, 10), 500))

    def _inputs(self, contexts: Rows, shown: Rows) -> Rows:
        x = self.scale.context(contexts)
        if self.stage.fixed:
            return x
        a = self.scale.candidate(shown)
        return (x[..., :, None] * a[..., None, :]).reshape(*a.shape[:-1], -1)

    def probabilities(self, view: View) -> Rows:
        """See `Learner`."""
        scores = np.empty(view.valid.shape)
        if self.stage.fixed:
            x = self._inputs(view.contexts, view.bank)
            for arm, model in enumerate(self.models):
                scores[:, arm] = _sampled(model, x)
        else:
            flat = self._inputs(
                np.repeat(view.contexts, view.valid.shape[1], 0), view.bank[view.candidates.ravel()]
            )
            scores = _sampled(self.models[0], flat).reshape(view.valid.shape)
        return _one_hot(np.where(view.valid, scores, -np.inf))

    def learn(self, view: View, actions: Rows, propensities: Rows, rewards: Rows) -> None:
        """See `Learner`."""
        del propensities
        at = np.arange(len(actions))
        shown = view.bank[view.candidates[at, actions]]
        x = self._inputs(view.contexts, shown)
        y = rewards if self.stage.binary else _squeezed(rewards, self.compress)
        if self.stage.fixed:
            for arm, model in enumerate(self.models):
                if (mine := actions == arm).any():
                    model.partial_fit(x[mine], y[mine])
        else:
            self.models[0].partial_fit(x, y)
        self.rows += len(y)


class Bootstrapped:
    """contextualbandits' bootstrapped Thompson sampling on fixed arms, refitted as rewards come."""

    def __init__(self, stage: Stage, seed: int, base: str, samples: int = 10) -> None:
        # an optional peer
        from contextualbandits.online import BootstrappedTS
        from sklearn.linear_model import LogisticRegression
        from sklearn.tree import DecisionTreeClassifier

        del stage
        bases = {
            "tree": DecisionTreeClassifier(min_samples_leaf=2, random_state=seed),
            "logistic": LogisticRegression(solver="lbfgs", max_iter=200),
        }
        self.make = lambda: BootstrappedTS(
            bases[base],
            nchoices=5,
            nsamples=samples,
            beta_prior="auto",
            random_state=seed,
            njobs_arms=1,
            njobs_samples=1,
        )
        self.model: Any = None
        self.rng = np.random.default_rng(seed)
        self.seen: list[tuple[Rows, Rows, Rows]] = []
        self.rows = 0

    def batch(self) -> int:
        """See `Learner`."""
        return int(min(max(self.rows // 5, 50), 4000))

    def probabilities(self, view: View) -> Rows:
        """See `Learner`."""
        if self.model is None:
            return uniform(view.valid)
        chosen = self.model.predict(view.contexts.astype(float))
        return np.eye(view.valid.shape[1])[np.asarray(chosen, int)]

    def learn(self, view: View, actions: Rows, propensities: Rows, rewards: Rows) -> None:
        """See `Learner`."""
        del propensities
        self.seen.append((view.contexts, actions, rewards))
        self.rows += len(actions)
        x, a, r = (np.concatenate(parts) for parts in zip(*self.seen, strict=True))
        self.model = self.make()
        # It wants takes: the reward's size becomes the probability of a 1.
        high = max(float(r.max()), 1e-9)
        takes = (self.rng.random(len(r)) < np.clip(r / high, 0, 1)).astype(int)
        self.model.fit(X=x.astype(float), a=a, r=takes)


class MabWiserLinUCB:
    """MABWiser's LinUCB on fixed arms."""

    def __init__(self, stage: Stage, seed: int, alpha: float, compress: float = 0.0) -> None:
        # an optional peer
        from mabwiser.mab import MAB, LearningPolicy

        self.scale, self.compress = _Scale(stage), compress
        arms = list(range(len(stage.bank)))
        self.mab = MAB(arms, LearningPolicy.LinUCB(alpha=alpha, l2_lambda=1.0), seed=seed)
        self.rows = 0

    def batch(self) -> int:
        """See `Learner`."""
        return int(min(max(self.rows // 20, 10), 500))

    def probabilities(self, view: View) -> Rows:
        """See `Learner`."""
        if not self.rows:
            return uniform(view.valid)
        chosen = self.mab.predict(self.scale.context(view.contexts))
        return np.eye(view.valid.shape[1])[np.atleast_1d(chosen)]

    def learn(self, view: View, actions: Rows, propensities: Rows, rewards: Rows) -> None:
        """See `Learner`."""
        del propensities
        x = self.scale.context(view.contexts)
        learn = self.mab.partial_fit if self.rows else self.mab.fit
        learn(actions.tolist(), _squeezed(rewards, self.compress), x)
        self.rows += len(actions)


class _Scale:
    """Numbers of mean 0 and deviation 1, and a constant."""

    def __init__(self, stage: Stage) -> None:
        sample = stage.sample()
        self.context = _standard(sample)
        self.candidate = _standard(stage.bank)


def _standard(sample: Rows) -> Callable[[Rows], Rows]:
    standard = Standard.of(sample)

    def scaled(x: Rows) -> Rows:
        ones = np.ones((*x.shape[:-1], 1))
        return np.concatenate([ones, standard(x)], -1)

    return scaled


class _Sampling(Protocol):
    def sample(self, x: Rows, size: int) -> Rows: ...


def _sampled(model: _Sampling, x: Rows) -> Rows:
    """One draw of the weights a row."""
    draws = model.sample(x, size=20)
    pick = np.random.default_rng(len(x)).integers(0, 20, len(x))
    return np.asarray(draws)[pick, np.arange(len(x))]


def _one_hot(scores: Rows) -> Rows:
    return np.eye(scores.shape[1])[scores.argmax(1)]


def _squeezed(rewards: Rows, compress: float) -> Rows:
    return np.arcsinh(rewards / compress) / 5 if compress else rewards / 50


def numbers(row: Rows) -> str:
    """Features as Vowpal Wabbit reads them, those of 0 left out."""
    return " ".join(f"{i}:{value:.4g}" for i, value in enumerate(row) if value)
