"""Regret: what the best candidate was expected to earn, less what a choice was."""

import numpy as np
from jaxtyping import Bool, Float


def regret(
    expected: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    earned: Float[np.ndarray, " decisions"],
) -> Float[np.ndarray, " decisions"]:
    """Regret of each decision.

    Args:
        expected: reward of each candidate; what stands at invalid ones does not matter.
        valid: which candidates there are.
        earned: what the choice, or a policy's mixture of choices, is expected to earn.
    """
    return np.where(valid, expected, -np.inf).max(-1) - earned
