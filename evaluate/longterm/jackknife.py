"""An interval that knows that an estimate's models were learnt from the same log."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import t as student

from evaluate.longterm.lope import LongTermLog
from evaluate.ope.paired_bootstrap import Range
from evaluate.ope.reward_model import FOLDS

BLOCKS = 20
"""Of profiles, each left out once: Student's interval of 19 degrees is 7% wider than a normal's."""

Learnt = Callable[[Bool[np.ndarray, " decisions"]], LongTermLog]
"""The log of some of its decisions, with models learnt from these alone."""


def jackknife_range(
    value: float,
    group: Int[np.ndarray, " decisions"],
    again: Callable[[Bool[np.ndarray, " decisions"]], float],
) -> Range:
    """An estimate's 95% interval: everything is learnt again without each block of profiles.

    Resampling an estimate's terms takes its models for given. That is right for DR, which a model's
    errors reach only in second order, and too narrow for LOPE, whose value moves with them in
    first.

    Args:
        value: of the whole log.
        group: of whole profiles.
        again: the value of the decisions kept, its models learnt from them alone.

    Raises:
        ValueError: all decisions are of one block of profiles.

    Source: Tukey (1958), the delete-a-group jackknife; Efron and Stein (1981), "The jackknife
    estimate of variance", for its being too large on average rather than too small.
    """
    # Folds are group % FOLDS: a block has profiles of each.
    block = group // FOLDS % BLOCKS
    there = np.unique(block)
    if len(there) < 2:
        raise ValueError("profiles are too few for an interval; log more of them")
    values: Float[np.ndarray, " blocks"] = np.array([again(block != each) for each in there])
    count = len(there)
    error = np.sqrt((count - 1) / count * ((values - values.mean()) ** 2).sum())
    half = float(student.ppf(0.975, count - 1) * error)
    return Range(value, value - half, value + half)
