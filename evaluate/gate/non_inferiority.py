"""The gate's test: does a policy earn at least a share of what another earns?

Both are estimated from the same rows, so what they have in common cancels; profiles are what is
independent. Arrays in, numbers out.
"""

import math
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

from evaluate.ope.diagnostics import diagnostic_terms, matched_rows
from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import Feedback
from evaluate.ope.fraction_intervals import FEW
from evaluate.ope.intervals import influence
from evaluate.ope.paired_bootstrap import group_sums

Verdict = Literal["passed", "refused", "undecided"]
"""Shown to be good enough; shown not to be; the log cannot tell."""

ESTIMATOR = "dr"
"""That both policies are judged by."""
LEVEL = 0.05
"""Share of policies at the edge of the margin that pass on one log."""
TWICE = 0.2
"""Of that level: share of those at twice the margin."""
POWER = 0.8
"""Share of equal policies that pass on as many rows as `Lead.rows_to_tell` says."""


class Lead(NamedTuple):
    """What a policy earns above a share of what another earns, and what that says."""

    verdict: Verdict
    value: float
    """A decision: the policy's estimate less (1 − margin) of the other's."""
    error: float
    """Standard error of it, over profiles."""
    low: float
    """Above this it is shown to be; passed where that is above 0."""
    high: float
    """Below this it is shown to be; refused where that is below 0."""
    level: float
    rows_to_tell: float
    """Rows of such a log on which an equal policy passes in `POWER` of cases; infinite without a
    margin, 0 where the two do the same."""
    few_takes: bool
    """Whether fewer than `FEW` takes match either policy: then nothing is told, whatever the
    ends; or fewer were due where the policies differ: then nothing is refused."""


def lead(of: Feedback, over: Feedback, margin: float, level: float = LEVEL) -> Lead:
    """Test whether a policy earns no less than (1 − margin) of what another earns.

    D = DR(policy) − (1 − margin) · DR(other) on each row, with its standard error over profiles; t
    quantiles with as many degrees of freedom as the profiles that carry the error are worth. To
    pass, it must also be shown, at a fifth of the level, to lose less than twice the margin: on a
    log that cannot tell one from the other, chance would pass both alike. It is refused only where
    `FEW` takes would have come of what it chooses and the other does not, had it been as good. Two
    policies that do the same pass without a test.

    Args:
        of: the log under the policy.
        over: the same under the other.
        margin: share of the other's value.
        level: one-sided.

    Source: Wellek (2010), "Testing Statistical Hypotheses of Equivalence and Noninferiority",
    chapter 5 (paired, one-sided); degrees of freedom after Satterthwaite (1946), Biometrics
    Bulletin 2(6).
    """
    estimator = PLAIN[ESTIMATOR]()
    terms = np.concatenate([estimator.terms(of), estimator.terms(over)], axis=1)
    sums = group_sums(terms, of.group)
    sums = sums[(sums != 0).any(1)]
    width = terms.shape[1] // 2
    other = float(estimator.value(sums[:, width:].sum(0)))

    def ends(lost: float, tail: float) -> tuple[float, float, float, float]:
        """Lead over what is left of the other's value, its error, and both ends."""
        share = 1 - lost if other >= 0 else 1 + lost  # of a loss, the margin is a larger loss

        def difference(each: Float[np.ndarray, "*batch terms"]) -> np.ndarray:
            return estimator.value(each[..., :width]) - share * estimator.value(each[..., width:])

        value = float(difference(sums.sum(0)))
        error, freedom = _error(influence(sums, difference))
        half = -float(special.stdtrit(freedom, tail)) * error
        return value, error, value - half, value + half

    value, error, low, high = ends(margin, level)
    if np.array_equal(of.target, over.target):
        return Lead("passed", value, 0.0, value, value, level, 0.0, False)
    if margin > 0:
        low = min(low, ends(2 * margin, TWICE * level)[2])
    few = any(_few_takes(feedback) for feedback in (of, over))
    verdict: Verdict = "undecided"
    if not few and np.isfinite([low, high]).all():
        few = high < 0 and _takes_due(of, over) < FEW
        verdict = "passed" if low > 0 else "refused" if high < 0 and not few else verdict
    rows = rows_to_tell(len(of), error, margin * abs(other), level)
    return Lead(verdict, value, error, low, high, level, rows, few)


def rows_to_tell(rows: int, error: float, allowed: float, level: float = LEVEL) -> float:
    """Rows of a log on which an equal policy passes in `POWER` of cases.

    Args:
        rows: of the log at hand.
        error: standard error of the lead on it.
        allowed: the margin, in rewards a decision.
        level: of the test.
    """
    if not (allowed > 0 and math.isfinite(error)):
        return math.inf
    return rows * ((special.ndtri(1 - level) + special.ndtri(POWER)) * error / allowed) ** 2


def _error(own: Float[np.ndarray, " groups"]) -> tuple[float, float]:
    """Standard error from what each group moves a value by, and its degrees of freedom."""
    groups, squares = len(own), own**2
    if groups < 2 or not squares.any():
        return math.nan, 1.0
    carried = float(squares.sum() ** 2 / (squares**2).sum()) - 1
    return float(np.sqrt(squares.sum() * groups / (groups - 1))), max(carried, 1.0)


def _takes_due(of: Feedback, over: Feedback) -> float:
    """Takes that were due where only the policy would have chosen what was chosen.

    Rows that match what it chooses beyond the other, as many of equal weight as they are worth,
    times the share of rewards under the other. Where few are due, none may come of a good policy,
    and without them its standard error is small.
    """
    more = replace(of, target=np.maximum(of.target - over.target, 0.0))
    weight = np.bincount(of.group, more.weight)
    rows = weight.sum() ** 2 / max(float((weight**2).sum()), np.finfo(float).tiny)
    rewarded = float(over.weight @ (over.reward != 0)) / max(float(over.weight.sum()), 1e-12)
    return float(rows) * rewarded


def _few_takes(feedback: Feedback) -> bool:
    """Whether too few rewards match a policy for a normal error; or misses, of a fraction."""
    matched = matched_rows(group_sums(diagnostic_terms(feedback), feedback.group))
    fraction = bool(((feedback.reward >= 0) & (feedback.reward <= 1)).all())
    return matched.few if fraction else matched.takes < FEW
