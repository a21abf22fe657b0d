"""The probability that one of several Beta variables is the largest, by quadrature.

P(a is best) = ∫ ∏_{b ≠ a} F_b dF_a. Cells lie between quantiles of all candidates, so narrow and
wide posteriors are both resolved; in a cell every F is a parabola through three exact values. Of
parabolas the integral is exact, so the probabilities sum to one but for what clipping leaves.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import betainc, betaincinv

from bandit.floor import candidate_counts

BLOCK = 256
"""Decisions worked on at a time."""
TAILS = 10.0 ** -np.arange(12, 2, -1.0)
QUANTILES = np.concatenate([TAILS, np.linspace(0, 1, 50)[1:-1], 1 - TAILS[::-1]])


def beta_probability_of_best(
    alpha: Float[np.ndarray, "decisions candidates"],
    beta: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
) -> Float[np.ndarray, "decisions candidates"]:
    """Probability that the candidate's Beta(α, β) is the largest of the valid ones.

    Raises:
        ValueError: a row has no valid candidate, or a parameter is not above 0.
    """
    candidate_counts(valid)
    alpha, beta = np.where(valid, alpha, 1.0), np.where(valid, beta, 1.0)
    for name, parameter in (("alpha", alpha), ("beta", beta)):
        if not (parameter > 0).all():
            row, candidate = np.argwhere(~(parameter > 0))[0]
            raise ValueError(
                f"{name} of decision row {row}, candidate {candidate} is "
                f"{parameter[row, candidate]}; it must be above 0"
            )
    probabilities = np.empty(valid.shape)
    for start in range(0, len(valid), BLOCK):
        block = slice(start, start + BLOCK)
        probabilities[block] = _block(alpha[block], beta[block], valid[block])
    return probabilities


def _block(alpha: np.ndarray, beta: np.ndarray, valid: np.ndarray) -> np.ndarray:
    decisions, candidates = valid.shape
    points = betaincinv(alpha[..., None], beta[..., None], QUANTILES).reshape(decisions, -1)
    ends = np.broadcast_to([0.0, 1.0], (decisions, 2))
    edges = np.sort(np.concatenate([points, ends], -1), -1)
    middles = (edges[:, 1:] + edges[:, :-1]) / 2

    def reached(x: np.ndarray) -> np.ndarray:
        values = betainc(alpha[..., None], beta[..., None], x[:, None])
        return np.where(valid[..., None], values, 1.0)  # an absent one is below all others

    at_edges, middle = reached(edges), reached(middles)
    left, right = at_edges[..., :-1], at_edges[..., 1:]
    slope, bend = 4 * middle - 3 * left - right, 2 * (left + right) - 4 * middle
    chances = np.zeros(valid.shape)
    nodes, weights = np.polynomial.legendre.leggauss(candidates)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        below = left + node * (slope + node * bend)
        density = slope + 2 * node * bend
        for candidate in range(candidates):
            others = np.delete(below, candidate, axis=1).prod(1)
            chances[:, candidate] += weight * (others * density[:, candidate]).sum(-1)
    chances = np.where(valid, np.maximum(chances, 0), 0.0)
    return chances / chances.sum(-1, keepdims=True)
