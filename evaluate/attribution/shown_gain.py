"""What choosing artwork earned over drawing it evenly, from the log's own draws."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class ShownGain:
    """Takes of what was shown, less those of a candidate drawn evenly, a decision.

    It needs no model that is right: whatever was shown was drawn with a known probability.
    """

    decisions: int
    """That were drawn; others say nothing of what else could have been shown."""
    gain: float
    low: float
    high: float
    """Of the 95% interval; profiles are drawn, not decisions."""


def shown_gain(
    reward: Float[np.ndarray, " decisions"],
    weight: Float[np.ndarray, " decisions"],
    modelled: Float[np.ndarray, " decisions"],
    even: Float[np.ndarray, " decisions"],
    profile: Int[np.ndarray, " decisions"],
) -> ShownGain | None:
    """The gain, doubly robust, with an interval by linearisation; None if nothing was drawn.

    Args:
        reward: take of each drawn decision.
        weight: probability of what was shown under an even draw over its propensity.
        modelled: take that a model expects of what was shown; it may be wrong, not learnt from the
            profile's own rewards.
        even: mean of what it expects of the candidates.
        profile: index of the profile.

    Source: Dudík, Langford and Li (2011), "Doubly Robust Policy Evaluation and Learning", ICML.
    """
    count = len(reward)
    if not count:
        return None
    gains = reward - even - weight * (reward - modelled)
    gain = float(gains.mean())
    pieces = np.bincount(profile, gains - gain) / count
    clusters = len(np.unique(profile))
    spread = 1.96 * float(np.sqrt((pieces**2).sum() * clusters / max(1, clusters - 1)))
    return ShownGain(count, gain, gain - spread, gain + spread)
