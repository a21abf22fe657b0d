"""Which action may have led to what was seen at once: the posterior that LOPE weighs with."""

import numpy as np
from jaxtyping import Float


def action_posterior(
    logged: Float[np.ndarray, "decisions actions"],
    likelihood: Float[np.ndarray, "decisions actions"],
) -> Float[np.ndarray, "decisions actions"]:
    """p(b | x, s) ∝ π₀(b | x) · p(s | x, b): rows sum to 1.

    The logging probabilities are exact in logs of Marquee, so only p(s | x, b) must be learnt.

    Args:
        logged: the logging policy's probability of each action.
        likelihood: of the short-term outcome that was seen, under each action.

    Raises:
        ValueError: an outcome that was seen is impossible under every action that was possible.
    """
    both = logged * likelihood
    total = both.sum(1, keepdims=True)
    if not (total > 0).all():
        row = int((total[:, 0] > 0).argmin())
        raise ValueError(
            f"decision row {row}: no action that was possible could have led to what was seen;"
            " give outcomes a positive probability"
        )
    return both / total
