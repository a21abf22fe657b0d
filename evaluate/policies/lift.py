"""What a policy earns over random choice, in a log or a part of it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.diagnostics import diagnostic_terms, matched_rows
from evaluate.ope.estimators import Estimator
from evaluate.ope.feedback import Feedback
from evaluate.ope.fraction_intervals import Matched, fraction_interval
from evaluate.ope.paired_bootstrap import PairedGain, Range, group_sums, paired_gains


class Lift(NamedTuple):
    """What a policy earns over random choice."""

    value: Range
    """Of the policy; within [0, 1] where all rewards are."""
    difference: Range
    relative: Range
    """The difference as a share of what random choice earns; its upper end is infinite where that
    may be nothing."""


def lifts_over(
    estimator: Estimator,
    policy: Feedback,
    random: Feedback,
    parts: Sequence[Bool[np.ndarray, " decisions"] | None],
    bootstrap: Bootstrap,
) -> list[Lift]:
    """Lift of a policy in each part of a log.

    Args:
        estimator: that judges both.
        policy: the log under the policy.
        random: the same under random choice.
        parts: which decisions count; None: all.
        bootstrap: one for all.
    """
    gains = paired_gains(estimator, policy, random, parts, bootstrap)
    return [lift_of(gain, policy, random, part) for gain, part in zip(gains, parts, strict=True)]


def lift_of(
    gain: PairedGain,
    policy: Feedback,
    random: Feedback,
    part: Bool[np.ndarray, " decisions"] | None = None,
) -> Lift:
    """A paired gain over random choice, wide enough for what was not seen.

    Of rewards within [0, 1], where few takes of either match, resampling both would claim that
    there are no others: then the ends of the two values bound difference and relative gain.

    Args:
        gain: of the policy over random choice.
        policy: the log under the policy.
        random: the same under random choice.
        part: which decisions the gain is of.
    """
    if not _fraction(policy, part):
        return Lift(gain.value, gain.difference, gain.relative)
    mine, other = (_matched(feedback, part) for feedback in (policy, random))
    value = Range(gain.value.value, *fraction_interval(*gain.value, mine))
    over = Range(gain.over.value, *fraction_interval(*gain.over, other))
    if not (mine.few or other.few) or np.array_equal(policy.target, random.target):
        return Lift(value, gain.difference, gain.relative)
    least = value.low / over.high - 1 if over.high > 0 else math.nan
    most = value.high / over.low - 1 if over.low > 0 else math.inf
    return Lift(
        value,
        Range(gain.difference.value, value.low - over.high, value.high - over.low),
        Range(gain.relative.value, least, most),
    )


def _fraction(feedback: Feedback, part: Bool[np.ndarray, " decisions"] | None) -> bool:
    rewards = feedback.reward if part is None else feedback.reward[part]
    return bool(((rewards >= 0) & (rewards <= 1)).all())


def _matched(feedback: Feedback, part: Bool[np.ndarray, " decisions"] | None) -> Matched:
    return matched_rows(group_sums(diagnostic_terms(feedback), feedback.group, part))
