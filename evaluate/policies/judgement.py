"""What policies would have earned on one log, as the records that are printed and shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from evaluate.ope.estimate import Estimate
from evaluate.ope.paired_bootstrap import Range
from evaluate.ope.support import Support
from evaluate.policies.lift import Lift

ESTIMATORS = ("replay", "ips", "snips", "dm", "dr")
"""By which every policy is judged."""


@dataclass(frozen=True)
class SegmentLifts:
    """A part of the log, and the lift of each policy in it."""

    decisions: int
    policies: Mapping[str, Lift]


@dataclass(frozen=True)
class Judgement:
    """What policies would have earned on one log.

    Attributes:
        decisions: of the log that were drawn, so that estimates may weigh them.
        support: of the whole log: rows that were left out, and why.
        logged: what the logging policy did earn a draw.
        impressions: pages that showed the draws; None where they were not counted.
        logged_an_impression: what it earned an impression: members look again until they play, so
            this is less than what it earned a draw.
        policies: policy → estimator → estimate.
        read: the estimator to read, of those that are trusted most for every policy.
        estimator: that lift and segments are judged by.
        lift_over_random: policy → its lift.
        segments: division → part → lifts in it.
        truth: policy → exact value; empty where the log is not simulated or it was not asked for.
        labels: policy → its name in tables, the same in every command.
    """

    decisions: int
    support: Support
    logged: Range
    impressions: int | None
    logged_an_impression: float | None
    policies: Mapping[str, Mapping[str, Estimate]]
    read: str
    estimator: str
    lift_over_random: Mapping[str, Lift]
    segments: Mapping[str, Mapping[str, SegmentLifts]]
    truth: Mapping[str, float]
    labels: Mapping[str, str]
