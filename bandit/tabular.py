"""Policies on counts: one row of `BetaCounts` a decision, no features."""

import numpy as np
from jaxtyping import Bool, Float

from bandit.counts import BetaCounts
from bandit.floor import epsilon_floor
from bandit.probability_of_best import beta_probability_of_best
from bandit.simple import greedy


def best_unpersonalised(
    counts: BetaCounts, valid: Bool[np.ndarray, "decisions candidates"], epsilon: float = 0.0
) -> Float[np.ndarray, "decisions candidates"]:
    """The candidate with the highest smoothed take, whoever looks.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    return epsilon_floor(greedy(counts.mean, valid), valid, epsilon)


def ucb1(
    counts: BetaCounts,
    valid: Bool[np.ndarray, "decisions candidates"],
    width: float = 2.0,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Highest take fraction plus √(width · ln t / n); candidates never shown come first.

    The prior plays no part. Source: Auer, Cesa-Bianchi and Fischer 2002, "Finite-time Analysis of
    the Multiarmed Bandit Problem", figure 1.

    Args:
        counts: one row a decision.
        valid: which candidates there are.
        width: of the bound; 2 in the paper.
        epsilon: share of uniform exploration.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    shown = counts.takes + counts.misses
    rounds = np.where(valid, shown, 0).sum(-1, keepdims=True)
    known = np.where(shown > 0, np.maximum(shown, 1e-9), 1.0)
    bound = np.sqrt(width * np.log(np.maximum(rounds, 1)) / known)
    values = np.where(shown > 0, counts.takes / known + bound, np.inf)
    return epsilon_floor(greedy(values, valid), valid, epsilon)


def bayesian_ucb(
    counts: BetaCounts,
    valid: Bool[np.ndarray, "decisions candidates"],
    quantile: float = 0.975,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Highest quantile of the posterior; .975 is the top of the 95% interval.

    Source: Kaufmann, Cappé and Garivier 2012, "On Bayesian Upper Confidence Bounds for Bandit
    Problems", algorithm 1, which lets the quantile rise as 1 − 1/t.

    Raises:
        ValueError: a row has no valid candidate, or quantile or epsilon is outside [0, 1].
    """
    return epsilon_floor(greedy(counts.quantile(quantile), valid), valid, epsilon)


def beta_thompson(
    counts: BetaCounts, valid: Bool[np.ndarray, "decisions candidates"], epsilon: float = 0.0
) -> Float[np.ndarray, "decisions candidates"]:
    """Each candidate's posterior probability of being the best, by quadrature.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    best = beta_probability_of_best(counts.alpha, counts.beta, valid)
    return epsilon_floor(best, valid, epsilon)
