"""A normal law of the weights of a logit, moved on by one batch of takes after another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.sparse import csr_array
from scipy.special import expit

STEPS, ENOUGH = 30, 1e-4
"""Newton's steps at most, and the change of a weight at which they end."""
ROUNDS = 6
"""Of learning scales."""
OFTEN = 0.1
"""Share of impressions that have a term, above which its column is kept whole."""
LEAST_SD, MOST_SD = 0.003, 1.0
"""Between which a scale of weights is learnt: below the first a block says nothing."""


@dataclass(frozen=True)
class LogisticPosterior:
    """N(mean, precision⁻¹), by Laplace's method: the law of before is the prior of the next batch.

    Source: Spiegelhalter and Lauritzen 1990, "Sequential Updating of Conditional Probabilities on
    Directed Graphical Structures", section 5; Chapelle and Li 2011 for Thompson sampling.

    Attributes:
        mean: of each weight.
        precision: of all, the prior's included.
        prior: precision of each weight before any take, around 0.
    """

    mean: Float[np.ndarray, " terms"]
    precision: Float[np.ndarray, "terms terms"]
    prior: Float[np.ndarray, " terms"]

    @staticmethod
    def before(sd: Float[np.ndarray, " terms"]) -> "LogisticPosterior":
        """Before any take, around 0.

        Raises:
            ValueError: a deviation is not above 0.
        """
        if not (sd > 0).all():
            raise ValueError("a deviation of the prior is not above 0; leave the term out instead")
        return LogisticPosterior(np.zeros(len(sd)), np.diag(sd**-2.0), sd**-2.0)

    def update(
        self,
        terms: Float[np.ndarray, "impressions terms"],
        takes: Float[np.ndarray, " impressions"],
        beside: Float[np.ndarray, " impressions"] | float = 0.0,
    ) -> "LogisticPosterior":
        """After a batch.

        Args:
            terms: of what was shown.
            takes: what came of it, from 0 to 1.
            beside: what another model says already of each logit.

        Raises:
            ValueError: a take is outside [0, 1].
        """
        if not ((takes >= 0) & (takes <= 1)).all():
            raise ValueError("a take is outside [0, 1]; scale the reward to that")
        weights, precision = self.mean, self.precision
        curve = _Curve(terms)
        for _ in range(STEPS):
            chance = expit(terms @ weights + beside)
            precision = self.precision + curve(chance * (1 - chance))
            slope = terms.T @ (takes - chance) - self.precision @ (weights - self.mean)
            step = cho_solve(cho_factor(precision, lower=True), slope)
            # A step of more than two logits somewhere leaves where the curve was measured.
            reach = np.abs(terms @ step).max(initial=0.0)
            weights = weights + step * min(1.0, 2.0 / max(reach, 1e-300))
            if np.abs(step).max(initial=0.0) < ENOUGH:
                break
        return replace(self, mean=weights, precision=precision)

    def rescaled(
        self, blocks: Sequence[Int[np.ndarray, " of_block"]], rounds: int = ROUNDS
    ) -> "LogisticPosterior":
        """The same takes under priors whose scale they teach, block by block.

        What the takes say is kept as a normal law, so nothing is read again. A block that they do
        not speak for shrinks to almost nothing. Source: MacKay 1992, "Bayesian Interpolation",
        Neural Computation 4(3), equation 4.8.

        Args:
            blocks: weights that have one scale; weights in none keep their prior.
            rounds: of learning scales, which begin where they are.
        """
        taught = self.precision - np.diag(self.prior)
        said = self.precision @ self.mean
        mean, precision, prior = self.mean, self.precision, self.prior.copy()
        for _ in range(rounds):
            root = np.linalg.cholesky(precision)
            inverse = solve_triangular(root, np.eye(len(mean)), lower=True)
            variance = np.einsum("ij,ij->j", inverse, inverse)
            for block in blocks:
                known = float((1 - prior[block] * variance[block]).sum())
                size = float((mean[block] ** 2).sum())
                scale = size / max(known, 1e-9)
                prior[block] = 1 / np.clip(scale, LEAST_SD**2, MOST_SD**2)
            precision = taught + np.diag(prior)
            mean = cho_solve(cho_factor(precision, lower=True), said)
        return LogisticPosterior(mean, precision, prior)

    @cached_property
    def _root(self) -> Float[np.ndarray, "terms terms"]:
        return np.linalg.cholesky(self.precision)

    def heads(
        self, count: int, rng: np.random.Generator, doubt: float = 1.0
    ) -> Float[np.ndarray, "heads terms"]:
        """Draws, one a head.

        Args:
            count: of draws.
            rng: of the draws.
            doubt: factor on deviations; below 1 explores less.
        """
        normal = doubt * rng.standard_normal((len(self.mean), count))
        return self.mean + solve_triangular(self._root, normal, lower=True, trans=1).T


class _Curve:
    """XᵀWX for several weights W; columns that are mostly 0, as of own effects, cost little."""

    def __init__(self, terms: Float[np.ndarray, "impressions terms"]) -> None:
        often = (terms != 0).mean(0) > OFTEN if len(terms) else np.ones(terms.shape[1], bool)
        self.order = np.argsort(~often, kind="stable")
        count = int(often.sum())
        self.dense = np.ascontiguousarray(terms[:, self.order[:count]])
        self.rare = csr_array(terms[:, self.order[count:]])

    def __call__(self, weight: Float[np.ndarray, " impressions"]) -> Float[np.ndarray, "terms _"]:
        count = self.dense.shape[1]
        weighed = self.dense * weight[:, None]
        found = np.empty((len(self.order), len(self.order)))
        found[:count, :count] = weighed.T @ self.dense
        found[count:, :count] = self.rare.T @ weighed
        found[:count, count:] = found[count:, :count].T
        found[count:, count:] = (self.rare.T @ (self.rare * weight[:, None])).toarray()
        made = np.empty_like(found)
        made[np.ix_(self.order, self.order)] = found
        return made
