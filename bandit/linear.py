"""Linear bandits on features of (context, candidate): LinUCB and Bayesian linear Thompson.

Both keep the sufficient statistics of a ridge regression; `forget` lets old rewards fade.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import ndtri
from scipy.stats import qmc

from bandit.floor import epsilon_floor
from bandit.simple import greedy
from bandit.thompson import thompson_probabilities

Features = Float[np.ndarray, "decisions candidates features"]


@dataclass(frozen=True)
class LinearPosterior:
    """Normal posterior of the weights: N(P⁻¹ m, noise² P⁻¹), prior N(0, noise²/ridge · 1)."""

    precision: Float[np.ndarray, "features features"]
    moment: Float[np.ndarray, " features"]
    ridge: float
    noise: float

    @staticmethod
    def prior(features: int, ridge: float = 1.0, noise: float = 0.5) -> "LinearPosterior":
        """Before any reward.

        Args:
            features: how many.
            ridge: precision of the prior, in rewards seen.
            noise: standard deviation of a reward; .5 is a take's most.

        Raises:
            ValueError: ridge or noise is not above 0.
        """
        if not (ridge > 0 and noise > 0):
            raise ValueError(f"ridge is {ridge}, noise {noise}; both must be above 0")
        return LinearPosterior(ridge * np.eye(features), np.zeros(features), ridge, noise)

    def update(
        self,
        chosen: Float[np.ndarray, "impressions features"],
        rewards: Float[np.ndarray, " impressions"],
        forget: float = 1.0,
    ) -> "LinearPosterior":
        """After a batch of rewards of chosen candidates.

        Args:
            chosen: features of what was shown.
            rewards: what it earned.
            forget: factor on what was known before; the prior does not fade.

        Raises:
            ValueError: forget is outside [0, 1].
        """
        if not 0 <= forget <= 1:
            raise ValueError(f"forget is {forget}; it is a factor from 0 to 1")
        discounted = forget * self.precision + (1 - forget) * self.ridge * np.eye(len(self.moment))
        return replace(
            self,
            precision=discounted + chosen.T @ chosen,
            moment=forget * self.moment + chosen.T @ rewards,
        )

    @property
    def weights(self) -> Float[np.ndarray, " features"]:
        """The weights' mean."""
        return cho_solve(cho_factor(self.precision, lower=True), self.moment)

    def widths(self, features: Features) -> Float[np.ndarray, "decisions candidates"]:
        """√(xᵀ P⁻¹ x): how little is known about each candidate."""
        root = np.linalg.cholesky(self.precision)
        flat = features.reshape(-1, features.shape[-1])
        return np.linalg.norm(solve_triangular(root, flat.T, lower=True), axis=0).reshape(
            features.shape[:2]
        )

    def draws(self, heads: int, seed: int) -> Float[np.ndarray, "heads features"]:
        """Weights drawn from the posterior, spread evenly over it (scrambled Sobol points)."""
        sobol = qmc.Sobol(len(self.moment), rng=np.random.default_rng(seed))
        even = sobol.random_base2(int(np.ceil(np.log2(max(heads, 1)))))[:heads]
        normal = ndtri(np.clip(even, 1e-9, 1 - 1e-9))
        root = np.linalg.cholesky(self.precision)
        spread = solve_triangular(root, normal.T, lower=True, trans=1).T
        return self.weights + self.noise * spread


def linucb(
    posterior: LinearPosterior,
    features: Features,
    valid: Bool[np.ndarray, "decisions candidates"],
    alpha: float = 1.0,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Highest xᵀθ + α √(xᵀ P⁻¹ x).

    Source: Li, Chu, Langford and Schapire 2010, "A Contextual-Bandit Approach to Personalized News
    Article Recommendation", algorithm 1, with weights shared between candidates; give features in
    blocks, one a candidate, for the disjoint form.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    values = features @ posterior.weights + alpha * posterior.widths(features)
    return epsilon_floor(greedy(values, valid), valid, epsilon)


def linear_thompson(
    posterior: LinearPosterior,
    features: Features,
    valid: Bool[np.ndarray, "decisions candidates"],
    heads: int = 128,
    seed: int = 0,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Thompson sampling from a bank of posterior draws; the propensity is exact for the bank.

    Source: Agrawal and Goyal 2013, "Thompson Sampling for Contextual Bandits with Linear Payoffs".

    Args:
        posterior: of the weights.
        features: of each decision's candidates.
        valid: which candidates there are.
        heads: draws in the bank.
        seed: of the bank; keep it while the posterior stands.
        epsilon: share of uniform exploration.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    scores = np.einsum("dkf,hf->dhk", features, posterior.draws(heads, seed), optimize=True)
    return thompson_probabilities(scores, valid, epsilon)
