"""What images do to their neighbours, learnt in the closed form: eᵀ B e, linear in its terms."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

STEPS, ENOUGH = 30, 1e-9
"""Newton's steps at most, and the change at which they end."""
SCALES = np.geomspace(0.001, 0.3, 21)
"""SDs of a weight, in logits, among which data choose."""


class PairPosterior(NamedTuple):
    """A normal law of the weights of pair terms."""

    mean: Float[np.ndarray, " terms"]
    covariance: Float[np.ndarray, "terms terms"]

    def by_evidence(self, prior_sd: float) -> "PairPosterior":
        """The same with a prior that the data choose: of the scales that make them likeliest.

        To second order, which is exact where the likelihood is normal. Where the data speak of no
        weight at all the narrowest is the likeliest, and nothing is left of what chance said.

        Args:
            prior_sd: of each weight, that it was made with.
        """
        precision = np.linalg.inv(self.covariance)
        told = precision - np.eye(len(self.mean)) / prior_sd**2  # by the data alone
        toward = precision @ self.mean
        best, chosen = -np.inf, self
        for sd in SCALES:
            covariance = np.linalg.inv(told + np.eye(len(told)) / sd**2)
            mean = covariance @ toward
            spread = np.linalg.slogdet(np.eye(len(told)) + sd**2 * told)[1]
            if (evidence := toward @ mean - spread) > best:
                best, chosen = evidence, PairPosterior(mean, covariance)
        return chosen

    def heads(self, count: int, rng: np.random.Generator) -> Float[np.ndarray, "heads terms"]:
        """Draws, one a head."""
        root = np.linalg.cholesky(self.covariance)
        return self.mean + rng.standard_normal((count, len(self.mean))) @ root.T


def pair_terms(
    one: Float[np.ndarray, "*pairs rank"], other: Float[np.ndarray, "*pairs rank"]
) -> Float[np.ndarray, "*pairs terms"]:
    """Terms of a symmetric eᵀ B e over embeddings of low rank: rank · (rank + 1) / 2 of them."""
    rank = one.shape[-1]
    left, right = np.triu_indices(rank)
    crossed = one[..., left] * other[..., right]
    return crossed + np.where(left == right, 0.0, one[..., right] * other[..., left])


def learn_pairs(
    logit: Float[np.ndarray, "pages slots"],
    terms: Float[np.ndarray, "pages slots terms"],
    played: Bool[np.ndarray, "pages slots"],
    competition: bool,
    prior_sd: float = 0.3,
) -> PairPosterior:
    """Laplace's posterior of the weights, given what each slot's logit is without neighbours.

    With competition a page has one play at most and P(j) = e^lⱼ / (1 + Σ e^l), the page's own
    offset; without it slots are judged each by itself.

    Args:
        logit: of a play of each slot by itself.
        terms: summed over the neighbours of each slot.
        played: what happened.
        competition: titles of a page compete for one play.
        prior_sd: of each weight, around 0.
    """
    weights = np.zeros(terms.shape[-1])
    curve = precision = np.eye(len(weights)) / prior_sd**2
    for _ in range(STEPS):
        logits = logit + terms @ weights
        if competition:
            odds = np.exp(logits)
            chance = odds / (1 + odds.sum(1, keepdims=True))
            mean = np.einsum("ps,pst->pt", chance, terms)
            curve = np.einsum("ps,pst,psu->tu", chance, terms, terms) - mean.T @ mean
        else:
            chance = expit(logits)
            curve = np.einsum("ps,pst,psu->tu", chance * (1 - chance), terms, terms)
        slope = np.einsum("ps,pst->t", played - chance, terms) - precision @ weights
        step = np.linalg.solve(curve + precision, slope)
        weights = weights + step
        if np.abs(step).max() < ENOUGH:
            break
    return PairPosterior(weights, np.linalg.inv(curve + precision))
