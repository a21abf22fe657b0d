"""Rows whose action was drawn, so that they say something of what else could have been shown."""

import numpy as np
from jaxtyping import Bool, Float, Int


def has_support(
    propensity: Float[np.ndarray, " rows"],
    candidates: Int[np.ndarray, " rows"],
    personalised: Bool[np.ndarray, " rows"],
    least: Float[np.ndarray, " rows"],
) -> Bool[np.ndarray, " rows"]:
    """Whether each row's action was drawn from a distribution that any candidate was possible in.

    A row of one candidate has nothing to draw, and is what every policy would show. Of the others,
    an action that was certain was not drawn: a fallback, an editor's pick, a rule. Weighting such
    rows would claim that other candidates were tried.

    Args:
        propensity: of what was shown.
        candidates: how many there were.
        personalised: the decision's level says that its policy drew.
        least: smallest probability of a candidate; NaN where probabilities were not logged.
    """
    drawn = (propensity < 1) & (personalised | (least > 0)) & ~(least <= 0)
    return (candidates == 1) | drawn
