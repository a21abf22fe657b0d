"""From what heads say to the probability of a take, by the calibration that a bundle carries."""

import numpy as np
from jaxtyping import Float


def take_probabilities(
    logits: Float[np.ndarray, "*shape"], bias: float = 0.0, temperature: float = 1.0
) -> Float[np.ndarray, "*shape"]:
    """The probability that each logit stands for; far below 0 it is 0."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-(logits + bias) / temperature))


def mean_take_probability(
    logits: Float[np.ndarray, "decisions heads ..."],
    bias: float = 0.0,
    temperature: float = 1.0,
) -> Float[np.ndarray, "decisions ..."]:
    """The mean over heads of the probability that each gives."""
    return take_probabilities(logits, bias, temperature).mean(1)
