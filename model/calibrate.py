"""How far the predicted takes are from what happens, and the temperature that brings them near."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from model.batches import AT_ONCE, ByArtwork, Examples
from model.learner import Learner


def predictions(
    learner: Learner, examples: Examples, artworks: int
) -> tuple[Float[np.ndarray, "decisions heads"], Float[np.ndarray, " decisions"]]:
    """Logits of every head and rewards, in the sampler's order."""
    learner.eval()
    logits, rewards = [], []
    with torch.no_grad():
        for rows in ByArtwork(examples.artwork_of, artworks, most=AT_ONCE):
            batch = examples[rows]
            logits.append(learner.logits(batch, learner.embed(batch.images)).numpy())
            rewards.append(batch.reward.numpy())
    return np.concatenate(logits), np.concatenate(rewards)


def take_probability(
    logits: Float[np.ndarray, "decisions heads"], temperature: float
) -> Float[np.ndarray, " decisions"]:
    """Mean over heads of the probability that each gives."""
    return (1 / (1 + np.exp(-logits / temperature))).mean(1)


def calibration_error(
    predicted: Float[np.ndarray, " decisions"],
    reward: Float[np.ndarray, " decisions"],
    bins: int = 15,
) -> float:
    """Expected calibration error over bins of equal numbers of decisions.

    Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining Well Calibrated Probabilities".
    """
    order = np.argsort(predicted)
    gaps = [
        abs(predicted[part].mean() - reward[part].mean()) * len(part)
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return float(sum(gaps) / len(order))


def calibrate(
    learner: Learner, examples: Examples, artworks: int
) -> tuple[float, dict[str, float]]:
    """The temperature of least loss on half of the decisions, and the error on the other half."""
    logits, reward = predictions(learner, examples, artworks)
    fitted = np.arange(len(reward)) % 2 == 0

    def loss(log_temperature: float) -> float:
        p = take_probability(logits[fitted], float(np.exp(log_temperature)))
        p = np.clip(p, 1e-7, 1 - 1e-7)
        return float(-np.mean(np.where(reward[fitted] > 0, np.log(p), np.log1p(-p))))

    found = minimize_scalar(loss, bounds=(-1.0, 1.0), method="bounded")
    temperature = float(np.exp(found.x))
    rest = ~fitted if (~fitted).any() else fitted
    error = calibration_error(take_probability(logits[rest], temperature), reward[rest])
    return temperature, {"calibration_error": error}
