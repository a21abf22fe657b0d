"""From what a model's heads say to the probabilities of a decision's candidates: the one path.

Files of requests, off-policy evaluation, quantisation and benchmarks call `score_probabilities`.
Precompute and the live service, which decide millions, call the kernel that it is made of
(`bandit.thompson_batch`).
"""

import numpy as np
from jaxtyping import Bool, Float

from bandit.floor import epsilon_floor
from bandit.head_policy import HeadPolicy
from bandit.thompson import thompson_votes


def head_scores(
    functionals: Float[np.ndarray, "decisions heads dimension"],
    vectors: Float[np.ndarray, "#decisions candidates dimension"],
) -> Float[np.ndarray, "decisions heads candidates"]:
    """The artwork's part of the reward as each head has it: all of it but names.

    Args:
        functionals: every head's, of whoever is decided for.
        vectors: of the candidates, of each decision or shared by all.
    """
    return functionals @ vectors.swapaxes(1, 2)


def score_probabilities(
    scores: Float[np.ndarray, "decisions heads candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    policy: HeadPolicy,
) -> Float[np.ndarray, "decisions candidates"]:
    """Probability of each candidate; an invalid one gets exactly 0.

    Args:
        scores: every head's of every candidate.
        valid: which candidates there are.
        policy: how the heads decide.

    Raises:
        ValueError: as `bandit.thompson.thompson_votes`.
    """
    votes = thompson_votes(policy.considered(scores, 1), valid)
    return epsilon_floor(votes, valid, policy.exploration)
