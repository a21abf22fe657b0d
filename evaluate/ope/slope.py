"""SLOPE: choosing an estimator's hyper-parameter from the log alone."""

import numpy as np
from jaxtyping import Float

CLEAR = 1.0
"""Standard errors of a difference beyond which it is taken for bias.

Bias that stays hidden costs more than noise that is taken for it.
"""


def slope(values: Float[np.ndarray, " grid"], influences: Float[np.ndarray, "grid groups"]) -> int:
    """Index of the candidate that balances bias and variance without knowing the bias.

    Candidates come in order of falling bias and growing variance. Walking from the least biased to
    the most, each is compared with all before it; the walk stops at the first that differs from one
    of them by more than chance, for there its bias shows, and the one before it wins. Chance is the
    error of the difference: both are of one log, and what they have in common cancels. SLOPE itself
    compares with the two intervals' widths, in which a bias of a fifth of the value can hide.

    Args:
        values: of the candidates.
        influences: what each group of profiles moves each by.

    Source: Su, Srinath and Krishnamurthy (2020), "Adaptive Estimator Selection for Off-Policy
    Evaluation", ICML; differences after Lepski and Spokoiny (1997), Annals of Statistics 25(6).
    """
    groups = influences.shape[1]
    chosen = len(values) - 1
    for at in range(len(values) - 1, -1, -1):
        squares = ((influences[at] - influences[at:]) ** 2).sum(1)
        errors = np.sqrt(squares * groups / max(groups - 1, 1))
        if (np.abs(values[at] - values[at:]) > CLEAR * errors + 1e-12).any():
            break
        chosen = at
    return chosen
