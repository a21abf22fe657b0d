"""Estimators that only weigh the logged rewards: no model of the reward.

Here w = target probability of the logged action / its logged propensity.
"""

import numpy as np
from jaxtyping import Float

from evaluate.ope.estimators.estimator import Estimator, Weights, mean_of, ratio
from evaluate.ope.feedback import Feedback


def replay() -> Estimator:
    """Mean reward of the decisions where the target would have done what was done.

    Right when the log was drawn evenly from as many candidates each time: a draw among many agrees
    less often than one among few, and its decision would count for less. For a target that draws,
    each decision counts with the probability that the draw matches, which is the mean over all
    draws of Li's estimator.

    Source: Li, Chu, Langford and Wang (2011), "Unbiased Offline Evaluation of
    Contextual-bandit-based News Article Recommendation Algorithms", WSDM, Algorithm 2.
    """
    return Estimator(
        name="replay",
        terms=lambda f: np.stack([f.target_logged * f.reward, f.target_logged], axis=-1),
        value=ratio,
    )


def ips() -> Estimator:
    """Inverse propensity score: mean of w·r.

    Source: Horvitz and Thompson (1952), JASA 47; Strehl, Langford, Li and Kakade (2010),
    "Learning from Logged Implicit Exploration Data", NeurIPS.
    """
    return mean_of("ips", lambda f: f.weight * f.reward)


def ips_clipped(limit: float) -> Estimator:
    """IPS with weights cut at `limit`: biased down for rewards ≥ 0, and steadier.

    Source: Ionides (2008), "Truncated Importance Sampling", JCGS 17(2); Bottou et al. (2013),
    JMLR 14.
    """
    return _cut("ips_clipped", lambda f: np.minimum(f.weight, limit), limit)


def snips() -> Estimator:
    """Self-normalised IPS: Σ w·r / Σ w, never outside the range of the rewards.

    Source: Swaminathan and Joachims (2015), "The Self-Normalized Estimator for Counterfactual
    Learning", NeurIPS.
    """
    return Estimator(
        name="snips",
        terms=lambda f: np.stack([f.weight * f.reward, f.weight], axis=-1),
        value=ratio,
    )


def sg_ips(strength: float) -> Estimator:
    """Sub-Gaussian IPS: w is shrunk to w / (1 − λ + λ·w), a weighted harmonic mean of w and 1.

    Source: Metelli, Russo and Restelli (2021), "Subgaussian and Differentiable Importance
    Sampling for Off-Policy Evaluation and Learning", NeurIPS, equation 5.
    """
    return _cut("sg_ips", lambda f: subgaussian(f.weight, strength), strength)


def subgaussian(
    weight: Float[np.ndarray, " decisions"], strength: float
) -> Float[np.ndarray, " decisions"]:
    """Weights shrunk to w / (1 − λ + λ·w): bounded by 1/λ, and 0 and 1 stay what they are."""
    return _share(weight, 1 - strength + strength * weight)


def shrunk(feedback: Feedback, strength: float) -> Float[np.ndarray, " decisions"]:
    """Weights λ·w / (w² + λ): small ones stay, large ones vanish (Su et al. 2020)."""
    w = feedback.weight
    return _share(strength * w, w**2 + strength)


def _share(
    of: Float[np.ndarray, " decisions"], whole: Float[np.ndarray, " decisions"]
) -> Float[np.ndarray, " decisions"]:
    """One over the other; 0 of 0 is 0, as at the ends of λ's range where w is 0."""
    return np.divide(of, whole, out=np.zeros_like(of), where=of > 0)


def _cut(name: str, weights: Weights, parameter: float) -> Estimator:
    """IPS with other weights."""
    return mean_of(name, lambda f: weights(f) * f.reward, parameter=parameter, kept=weights)
