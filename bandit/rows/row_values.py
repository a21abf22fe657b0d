"""What heads say that a row is worth, as sums over slots and pairs that a chain can maximise."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import expit


class RowScores(NamedTuple):
    """A row's value as a sum; `bandit.rows.orchestrate` maximises it."""

    own: Float[np.ndarray, "rows heads slots candidates"]
    pair: Float[np.ndarray, "rows heads later left candidates"]


def row_scores(
    logit: Float[np.ndarray, "rows slots candidates"],
    liked: Float[np.ndarray, "rows slots candidates"],
    beside: Float[np.ndarray, "rows heads later left candidates"],
    level: Float[np.ndarray, " rows"] | None = None,
) -> RowScores:
    """Expected takes of a row to first order in what neighbours add.

    A pair's part is what it adds to both of its slots.

    Args:
        logit: of a play of each candidate by itself in its slot.
        liked: probability of a take, once played.
        beside: what each of two neighbours adds to the other's logit, by head.
        level: of rows whose titles compete for one play, the takes of a good row. A row is worth
            N / (1 + S), N = Σ odds · liked, S = Σ odds; whatever row maximises
            N − level · S, with the level that it then has, maximises it (Dinkelbach 1967, "On
            Nonlinear Fractional Programming"). None: titles do not compete.
    """
    if level is None:
        chance = expit(logit)
        value, slope = chance * liked, chance * (1 - chance) * liked
    else:
        value = np.exp(logit) * (liked - level[:, None, None])
        slope = value
    both = slope[:, :-1, :, None] + slope[:, 1:, None, :]
    own = np.broadcast_to(value[:, None], (len(value), beside.shape[1], *value.shape[1:]))
    return RowScores(own, both[:, None] * beside)
