"""What an estimator is: terms of a decision, and the value of their sums."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.ope.feedback import Feedback

Weights = Callable[[Feedback], Float[np.ndarray, " decisions"]]
"""Feedback → one weight a decision."""


@dataclass(frozen=True)
class Estimator:
    """An estimator that needs only sums over decisions, so any log can be streamed through it.

    Attributes:
        name: as reports and options spell it.
        terms: feedback → one row of terms a decision; the value depends on their sums alone.
        value: sums of the terms along the last axis → the estimate; NaN where nothing is known.
        needs_model: whether the terms read `estimated_rewards`.
        parameter: the hyper-parameter λ, None where there is none.
        kept: the weights that are left of w after cutting or shrinking, None where all are.
    """

    name: str
    terms: Callable[[Feedback], Float[np.ndarray, "decisions terms"]]
    value: Callable[[Float[np.ndarray, "*batch terms"]], np.ndarray]
    needs_model: bool = False
    parameter: float | None = None
    kept: Weights | None = None


def ratio(sums: Float[np.ndarray, "*batch 2"]) -> np.ndarray:
    """First sum over second; NaN where the second is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], np.nan)


def mean_of(
    name: str,
    term: Callable[[Feedback], Float[np.ndarray, " decisions"]],
    needs_model: bool = False,
    parameter: float | None = None,
    kept: Weights | None = None,
) -> Estimator:
    """The estimator that is the mean of one term a decision."""
    return Estimator(
        name=name,
        terms=lambda f: np.stack([term(f), np.ones(len(f))], axis=-1),
        value=ratio,
        needs_model=needs_model,
        parameter=parameter,
        kept=kept,
    )
