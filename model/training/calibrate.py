"""How far the predicted takes are from what happens, and the temperature that brings them near."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize

from bandit.take_probability import mean_take_probability
from data.calibration_error import calibration_error
from model.network.lightning_module import Learner
from model.training.dataset import AT_ONCE, Examples
from model.training.fit_random_effects import RecordEffects
from model.training.samplers import ByArtwork


def predictions(
    learner: Learner, examples: Examples, artworks: int, effects: RecordEffects | None = None
) -> tuple[Float[np.ndarray, "decisions heads"], Float[np.ndarray, " decisions"]]:
    """Logits of every head and rewards, in the sampler's order.

    Args:
        learner: trained.
        examples: to predict.
        artworks: of a batch.
        effects: records that join the network.
    """
    learner.eval()
    logits, rewards = [], []
    with torch.no_grad():
        for rows in ByArtwork(examples.artwork_of, artworks, most=AT_ONCE):
            batch = examples[rows]
            logit = learner.logits(batch, learner.embed(batch.images))
            if effects is not None:
                logit = logit + effects.logits(learner, batch, examples.artwork_of[rows])
            logits.append(logit.numpy())
            rewards.append(batch.reward.numpy())
    return np.concatenate(logits), np.concatenate(rewards)


def calibrate(
    learner: Learner, examples: Examples, artworks: int, effects: RecordEffects | None = None
) -> tuple[float, dict[str, float]]:
    """The temperature of least loss, and the error; the network's intercept is set beside it.

    Args: as `predictions`.

    A temperature alone moves the mean take as well as the spread, so an intercept is fitted with it
    and goes into the network's bias. Both are fitted on all decisions; the error is of each half
    under what the other half gives.
    """
    logits, reward = predictions(learner, examples, artworks, effects)
    even = np.arange(len(reward)) % 2 == 0
    predicted = np.empty(len(reward))
    for part in (even, ~even):
        rest = ~part if (~part).any() else part
        temperature, intercept = fitted(logits[rest], reward[rest])
        predicted[part] = mean_take_probability(logits[part] + intercept, temperature=temperature)
    temperature, intercept = fitted(logits, reward)
    with torch.no_grad():
        learner.network.bias.add_(intercept)
    gap = calibration_error(predicted, reward)
    ends = {"calibration_error_low": gap.low, "calibration_error_high": gap.high}
    return temperature, {"calibration_error": gap.error, **ends}


def fitted(
    logits: Float[np.ndarray, "decisions heads"], reward: Float[np.ndarray, " decisions"]
) -> tuple[float, float]:
    """Temperature and intercept of least cross-entropy.

    Source: Platt 1999, "Probabilistic outputs for support vector machines".
    """

    def loss(at: np.ndarray) -> float:
        taken = mean_take_probability(logits + at[1], temperature=float(np.exp(at[0])))
        p = np.clip(taken, 1e-7, 1 - 1e-7)
        return float(-np.mean(np.where(reward > 0, np.log(p), np.log1p(-p))))

    bounds = [(-1.0, 1.0), (-1.0, 1.0)]
    optimum = minimize(loss, [0.0, 0.0], method="Nelder-Mead", bounds=bounds)
    return float(np.exp(optimum.x[0])), float(optimum.x[1])
