"""Estimators that lean on a model of the reward: the direct method and the doubly robust family.

Here q̂ is the modelled reward, q̂(π) its mean under the target, w the weight of the logged action.
"""

import numpy as np
from jaxtyping import Float

from evaluate.ope.estimators.estimator import Estimator, Weights, mean_of
from evaluate.ope.estimators.weighting import shrunk, subgaussian
from evaluate.ope.feedback import Feedback


def dm() -> Estimator:
    """Direct method: mean of q̂(π); as good as the model, and no better.

    Source: Beygelzimer and Langford (2009), "The Offset Tree for Learning with Partial Labels",
    KDD.
    """
    return mean_of("dm", lambda f: f.modelled_target, needs_model=True)


def dr() -> Estimator:
    """Doubly robust: mean of q̂(π) + w·(r − q̂); right if either the propensities or q̂ is.

    Source: Dudík, Erhan, Langford and Li (2014), "Doubly Robust Policy Evaluation and
    Optimization", Statistical Science 29(4).
    """
    return _corrected("dr", lambda f: f.weight)


def dr_clipped(limit: float) -> Estimator:
    """DR with weights cut at `limit`.

    Source: Su, Dimakopoulou, Krishnamurthy and Dudík (2020), "Doubly Robust Off-policy Evaluation
    with Shrinkage", ICML, section 3 (pessimistic shrinkage).
    """
    return _corrected("dr_clipped", lambda f: np.minimum(f.weight, limit), limit)


def switch_dr(limit: float) -> Estimator:
    """DR where w ≤ `limit`, the model alone beyond.

    Source: Wang, Agarwal and Dudík (2017), "Optimal and Adaptive Off-policy Evaluation in
    Contextual Bandits", ICML.
    """
    return _corrected("switch_dr", lambda f: np.where(f.weight <= limit, f.weight, 0.0), limit)


def dros(strength: float) -> Estimator:
    """DR with optimistic shrinkage: w becomes λ·w / (w² + λ).

    Source: Su et al. (2020), as `dr_clipped`, section 3 (optimistic shrinkage).
    """
    return _corrected("dros", lambda f: shrunk(f, strength), strength)


def sg_dr(strength: float) -> Estimator:
    """Sub-Gaussian DR: w becomes w / (1 − λ + λ·w).

    Source: Metelli et al. (2021), as `sg_ips`.
    """
    return _corrected("sg_dr", lambda f: subgaussian(f.weight, strength), strength)


def sndr() -> Estimator:
    """Self-normalised DR: mean of q̂(π), plus Σ w·(r − q̂) / Σ w.

    Source: Thomas and Brunskill (2016), "Data-Efficient Off-Policy Policy Evaluation for
    Reinforcement Learning", ICML (weighted doubly robust).
    """

    def terms(f: Feedback) -> Float[np.ndarray, "decisions 4"]:
        correction = f.weight * (f.reward - f.modelled_logged)
        return np.stack([f.modelled_target, np.ones(len(f)), correction, f.weight], axis=-1)

    def value(sums: Float[np.ndarray, "*batch 4"]) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            corrected = sums[..., 0] / sums[..., 1] + sums[..., 2] / sums[..., 3]
            return np.where(sums[..., 3] > 0, corrected, np.nan)

    return Estimator(name="sndr", terms=terms, value=value, needs_model=True)


def _corrected(name: str, weights: Weights, parameter: float | None = None) -> Estimator:
    """Mean of q̂(π) plus the weighted error of the model on what was logged."""
    return mean_of(
        name,
        lambda f: f.modelled_target + weights(f) * (f.reward - f.modelled_logged),
        needs_model=True,
        parameter=parameter,
        kept=None if parameter is None else weights,
    )
