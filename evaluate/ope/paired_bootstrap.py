"""Intervals of many quantities of the same log at once, differences of policies among them.

All quantities are functions of sums over groups of profiles, and one draw of groups serves them
all: what two policies have in common cancels in their difference.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.estimators import Estimator
from evaluate.ope.feedback import GROUPS, Feedback
from evaluate.ope.intervals import influence, resampled_sums, studentised_interval

Value = Callable[[Float[np.ndarray, "*batch terms"]], np.ndarray]


class Range(NamedTuple):
    """A value and the ends of its 95% interval."""

    value: float
    low: float
    high: float


class PairedGain(NamedTuple):
    """What a policy earns over another on the same decisions."""

    value: Range
    """Of the policy."""
    over: Range
    """Of the other."""
    difference: Range
    relative: Range
    """The difference as a share of the other's; NaN where that earns nothing."""


class Quantity(NamedTuple):
    """What to give an interval to."""

    columns: list[int]
    """Of the sums that it reads."""
    value: Value
    """Sums of those columns, along the last axis, to the quantity."""


def group_sums(
    terms: Float[np.ndarray, "decisions terms"],
    group: Int[np.ndarray, " decisions"],
    part: Bool[np.ndarray, " decisions"] | None = None,
) -> Float[np.ndarray, "groups terms"]:
    """Terms summed by group of profiles, over all decisions or a part of them."""
    terms = terms if part is None else terms * part[:, None]
    return np.stack([np.bincount(group, weights=t, minlength=GROUPS) for t in terms.T], axis=-1)


def ranges(
    sums: Float[np.ndarray, "groups columns"],
    quantities: Sequence[Quantity],
    bootstrap: Bootstrap = BOOTSTRAP,
) -> list[Range]:
    """Value and interval of each quantity, from one draw of groups for all."""
    sums = sums[(sums != 0).any(1)]
    own = [influence(sums[:, q.columns], q.value) for q in quantities]
    pushes = np.stack([part for o in own for part in (o, o**2)], axis=-1)
    drawn = resampled_sums(np.concatenate([sums, pushes], axis=1), bootstrap)
    intervals = []
    for at, quantity in enumerate(quantities):
        value = float(quantity.value(sums[:, quantity.columns].sum(0)))
        values = quantity.value(drawn[:, quantity.columns])
        push = drawn[:, sums.shape[1] + 2 * at :][:, :2]
        intervals.append(
            Range(value, *studentised_interval(value, values, own[at], push[:, 0], push[:, 1]))
        )
    return intervals


def paired_gains(
    estimator: Estimator,
    of: Feedback,
    over: Feedback,
    parts: Sequence[Bool[np.ndarray, " decisions"] | None] = (None,),
    bootstrap: Bootstrap = BOOTSTRAP,
) -> list[PairedGain]:
    """Value of a policy, its difference from another and its relative gain, in parts of a log.

    Args:
        estimator: that judges both.
        of: the log under the policy.
        over: the same under the other.
        parts: which decisions count; a gain each.
        bootstrap: one for all.
    """
    mine, other = estimator.terms(of), estimator.terms(over)
    width = mine.shape[1]
    # The same terms are read from the same columns: products may round others differently.
    start = 0 if np.array_equal(mine, other) else width
    both = np.concatenate([mine, other], axis=1)
    sums = np.concatenate([group_sums(both, of.group, part) for part in parts], axis=1)

    def value(terms: np.ndarray) -> np.ndarray:
        return estimator.value(terms[..., :width])

    def second(terms: np.ndarray) -> np.ndarray:
        return estimator.value(terms[..., start : start + width])

    def difference(terms: np.ndarray) -> np.ndarray:
        return value(terms) - second(terms)

    def relative(terms: np.ndarray) -> np.ndarray:
        base = second(terms)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(base > 0, value(terms) / base - 1, np.nan)

    measures = (value, second, difference, relative)
    quantities = [
        Quantity(list(range(2 * width * at, 2 * width * (at + 1))), measure)
        for at in range(len(parts))
        for measure in measures
    ]
    intervals = ranges(sums, quantities, bootstrap)
    return [PairedGain(*intervals[4 * at : 4 * at + 4]) for at in range(len(parts))]
