"""Softmax regression on partial labels: a picture shows one of some names, it is not said which."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

STEPS = 200
"""Of the solver, at most."""
OF_CONSTANT = 1.0
"""Ridge on the constants, so that a name which nobody has does not run away."""


class PartialLabels(NamedTuple):
    """Each says that a picture shows one of some names; a picture may have several, or none."""

    picture: Int[np.ndarray, " labels"]
    among: Bool[np.ndarray, "labels names"]
    """At least one of each."""
    weight: Float[np.ndarray, " labels"]

    def of(self, kept: Bool[np.ndarray, " pictures"]) -> "PartialLabels":
        """Those of some pictures, numbered as before."""
        there = kept[self.picture]
        return PartialLabels(self.picture[there], self.among[there], self.weight[there])


def fit_partial_softmax(
    x: Float[np.ndarray, "pictures directions"],
    labels: PartialLabels,
    ridge: float,
    start: Float[np.ndarray, "directions_and_one names"] | None = None,
) -> Float[np.ndarray, "directions_and_one names"]:
    """Weights of the logits; the last row is of the constant.

    Minimises the sum of −weight · log of the probability of all names of a label together, with
    half of `ridge` times the square of the weights.

    Args:
        x: of each picture.
        labels: what is said of them.
        ridge: of the weights.
        start: to start from; None: zero.

    Source: Cour, Sapp and Taskar 2011, "Learning from Partial Labels".
    """
    # Slow to start, and whatever only reads what was fitted goes without it.
    from scipy.optimize import minimize

    picture, inverse = np.unique(labels.picture, return_inverse=True)
    read = np.concatenate([x[picture], np.ones((len(picture), 1))], 1).astype(np.float64)
    names, width = labels.among.shape[1], read.shape[1]
    penalty = np.full((width, 1), ridge)
    penalty[-1] = OF_CONSTANT
    outside = np.where(labels.among, 0.0, -np.inf)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(width, names)
        logits = (read @ weights)[inverse]
        total, probability = _log_sum(logits)
        inside, of_label = _log_sum(logits + outside)
        pull = labels.weight[:, None] * (probability - of_label)
        by_picture = np.zeros((len(read), names))
        np.add.at(by_picture, inverse, pull)
        value = labels.weight @ (total - inside) + 0.5 * (penalty * weights**2).sum()
        return float(value), (read.T @ by_picture + penalty * weights).ravel()

    first = np.zeros((width, names)) if start is None else start.astype(np.float64)
    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return found.x.reshape(width, names).astype(np.float32)


def softmax(logits: Float[np.ndarray, "rows names"]) -> Float[np.ndarray, "rows names"]:
    """Shares that sum to 1."""
    return _log_sum(logits)[1]


def _log_sum(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log Σ exp of each row, and each entry's share of the sum."""
    most = logits.max(1, keepdims=True)
    parts = np.exp(logits - most)
    total = parts.sum(1, keepdims=True)
    return (np.log(total) + most)[:, 0], parts / total
