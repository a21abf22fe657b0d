"""Policies on the scores of a neural model's heads."""

import numpy as np
from jaxtyping import Bool, Float

from bandit.floor import epsilon_floor
from bandit.simple import greedy


def neural_ucb(
    scores: Float[np.ndarray, "decisions heads candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    width: float = 1.0,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Highest mean over heads plus `width` standard deviations.

    A head's score counts less the head's mean over the valid candidates: what a head thinks of
    all candidates alike is no reason to choose one.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    there = valid[:, None]
    known = np.where(there, scores, 0.0)
    middle = known.sum(-1, keepdims=True) / np.maximum(there.sum(-1, keepdims=True), 1)
    apart = known - middle
    return highest_bound(apart.mean(1), apart.std(1), valid, width, epsilon)


def highest_bound(
    mean: Float[np.ndarray, "decisions candidates"],
    deviation: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    width: float = 1.0,
    epsilon: float = 0.0,
) -> Float[np.ndarray, "decisions candidates"]:
    """Highest mean plus `width` deviations, where a posterior gives both; ties split evenly.

    Source: Zhou, Li and Gu 2020, "Neural Contextual Bandits with UCB-based Exploration"; with the
    last layer's posterior alone: Xu et al. 2022, "Neural Contextual Bandits with Deep
    Representation and Shallow Exploration".

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    return epsilon_floor(greedy(mean + width * deviation, valid), valid, epsilon)
