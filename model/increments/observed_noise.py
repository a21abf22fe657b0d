"""Noise of each observation by its id: the same whenever and beside whatever it is met."""

import numpy as np
from jaxtyping import Float, UInt64

from bandit.choice import mix_words, uniforms
from bandit.draws import text_word

OWN = np.uint64(text_word("observation noise"))
"""Keeps the noise apart from all else that is drawn by ids."""


def noise_of(
    keys: UInt64[np.ndarray, " observations"], draws: int
) -> Float[np.ndarray, "observations draws"]:
    """Standard normal numbers, independent between keys and between draws.

    Args:
        keys: of the observations' ids, from `bandit.choice.profile_keys`.
        draws: numbers for each.

    Source: Box and Muller 1958, "A Note on the Generation of Random Normal Deviates".
    """
    base = mix_words(np.asarray(keys, np.uint64) ^ OWN)
    columns = np.arange(2 * draws, dtype=np.uint64)
    drawn = uniforms(mix_words(base[:, None] + columns))
    radius = np.sqrt(-2 * np.log1p(-drawn[:, :draws]))
    return radius * np.cos(2 * np.pi * drawn[:, draws:])
