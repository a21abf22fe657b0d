"""The baselines: uniform, greedy and ε-greedy."""

import numpy as np
from jaxtyping import Bool, Float

from bandit.floor import candidate_counts, epsilon_floor
from bandit.thompson import thompson_votes


def uniform(
    valid: Bool[np.ndarray, "decisions candidates"],
) -> Float[np.ndarray, "decisions candidates"]:
    """The same probability for every valid candidate.

    Raises:
        ValueError: a row has no valid candidate.
    """
    return valid / candidate_counts(valid)


def uniform_value(
    values: Float[np.ndarray, "... candidates"], valid: Bool[np.ndarray, "decisions candidates"]
) -> Float[np.ndarray, "..."]:
    """What the uniform policy earns where each candidate is worth this much.

    Raises:
        ValueError: a row has no valid candidate.
    """
    return np.where(valid, values, 0.0).sum(-1) / candidate_counts(valid)[..., 0]


def greedy(
    values: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
) -> Float[np.ndarray, "decisions candidates"]:
    """All probability on the best valid candidate; ties split evenly.

    Raises:
        ValueError: a row has no valid candidate, or a valid candidate's value is NaN.
    """
    return thompson_votes(values[:, None], valid)


def epsilon_greedy(
    values: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    epsilon: float,
) -> Float[np.ndarray, "decisions candidates"]:
    """The best candidate, but with probability ε any, itself included.

    Of three candidates the best has 1 − 2ε/3 and each other ε/3.

    Raises:
        ValueError: as `greedy`, or epsilon is outside [0, 1].
    """
    return epsilon_floor(greedy(values, valid), valid, epsilon)
