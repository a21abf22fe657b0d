"""The online bootstrap: how much each decision counts for each head, by the decision's id alone."""

from typing import Literal

import numpy as np
from jaxtyping import Float, UInt64

from bandit.choice import decision_seeds, uniforms

Scheme = Literal["double_or_nothing", "poisson", "none"]

POISSON_1 = np.cumsum(np.exp(-1.0) / np.array([1, 1, 2, 6, 24, 120, 720, 5040], np.float64))
"""P(Poisson(1) ≤ 0 … 7)."""


def bootstrap_weights(
    keys: UInt64[np.ndarray, " decisions"], heads: int, scheme: Scheme = "double_or_nothing"
) -> Float[np.ndarray, "decisions heads"]:
    """Weights of mean 1 and variance 1, the same whenever a decision is seen again.

    Args:
        keys: hashes of the decision ids, see `bandit.choice.profile_keys`.
        heads: how many bootstraps.
        scheme: double_or_nothing (0 or 2), poisson (of mean 1), or none (all 1).

    Raises:
        ValueError: no such scheme.

    Source: Owen and Eckles 2012, "Bootstrapping data arrays of arbitrary order"; Oza and Russell
    2001, "Online Bagging and Boosting", for Poisson(1).
    """
    if scheme == "none":
        return np.ones((len(keys), heads), np.float32)
    if scheme == "poisson":
        draws = uniforms(decision_seeds(keys[:, None], np.arange(heads), 0, 0))
        return np.searchsorted(POISSON_1, draws, side="right").astype(np.float32)
    if scheme == "double_or_nothing":
        words = decision_seeds(keys[:, None], np.arange(-(-heads // 64)), 0, 0)
        words[:, :1] = keys[:, None]  # the hash itself is the first word
        bits = words[:, :, None] >> np.arange(64, dtype=np.uint64)
        flat = (bits & np.uint64(1)).reshape(len(keys), -1)[:, :heads]
        return (2 * flat).astype(np.float32)
    raise ValueError(f"bootstrap scheme {scheme!r}; there are double_or_nothing, poisson and none")
