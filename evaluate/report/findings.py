"""What a report says, as numbers: takes of each policy, estimates beside truth, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.catalogue import Catalogue
from evaluate.calibration import CalibrationCurve
from evaluate.gate.guards import metric_words
from evaluate.new_artwork.cold_start_result import ColdStartResult
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.estimate import Estimate
from evaluate.ope.estimators import PLAIN
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, ranges
from evaluate.ope.support import Support, SupportRecord
from evaluate.ope.trust import to_read
from evaluate.policies.baselines import one_hot
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.expected_takes import expected_takes
from evaluate.policies.judge import target_estimates
from evaluate.policies.lift import lifts_over
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import TABLE, PolicyProbabilities
from evaluate.report.curves import LearningCurves
from evaluate.report.kind_findings import KindFindings, KindsRecord
from evaluate.report.row_findings import RowFindings, RowsRecord
from evaluate.report.said import EstimateRecord, LogSpan
from evaluate.report.showcase import TitleShowcase, showcase

FORMS = {
    "random": "random",
    TABLE: f"{{}}:{TABLE}",
    "greedy": "{}:greedy",
    "thompson": "{}",
}
"""Policy → its name on a bundle."""

Flat = Float[np.ndarray, " flat"]


class Summary(TypedDict):
    """Findings as plain numbers, as `summary.json` has them."""

    bundle: str
    log: LogSpan
    support: SupportRecord
    exact: bool
    take_fractions: dict[str, float]
    intervals: dict[str, list[float]]
    lift_over_random: dict[str, dict[str, float]]
    share_of_oracle: dict[str, dict[str, float]]
    read: str
    estimates: dict[str, dict[str, EstimateRecord]]
    calibration_error: float
    calibration_interval: list[float]
    metrics: list[str]
    cold_start: dict[str, object] | None
    rows: RowsRecord | None
    kinds: KindsRecord | None


@dataclass(frozen=True)
class Findings:
    """Everything that a report shows of one bundle on one log.

    Attributes:
        bundle_id: of the bundle.
        reads_pixels: whether the bundle sees images.
        log: what it holds of decisions that were drawn.
        support: of the whole log: rows that were left out, and why.
        exact: takes are the simulator's, not estimates.
        takes: policy → take fraction, with its 95% interval over profiles.
        lift: policy → relative gain over random.
        share: policy → its gain over random as a share of the oracle's; empty unless exact.
        estimates: policy → estimator → estimate.
        calibration: predicted against actual takes of what was shown.
        titles: what contrasting members are shown.
        curves: of training, None if not kept.
        cold_start: on artwork never seen, None if not asked.
        metrics: what the log holds beside the reward, a sentence each.
        rows: what whole rows earn; None: the log does not say which page decisions are of.
        kinds: what artwork and other kinds earn together; None: the log has artwork alone.
    """

    bundle_id: str
    reads_pixels: bool
    log: LogSpan
    support: Support
    exact: bool
    takes: Mapping[str, Range]
    lift: Mapping[str, Range]
    share: Mapping[str, Range]
    estimates: Mapping[str, Mapping[str, Estimate]]
    calibration: CalibrationCurve
    titles: list[TitleShowcase]
    curves: LearningCurves | None
    cold_start: ColdStartResult | None
    metrics: Sequence[str] = ()
    rows: RowFindings | None = None
    kinds: KindFindings | None = None

    @property
    def read(self) -> str:
        """The estimator to read, of those that are trusted most for every policy."""
        return to_read(self.estimates.values())

    def summary(self) -> Summary:
        """The findings as plain numbers, for JSON."""
        return {
            "bundle": self.bundle_id,
            "log": self.log,
            "support": self.support.record(),
            "exact": self.exact,
            "take_fractions": {name: take.value for name, take in self.takes.items()},
            "intervals": {name: [take.low, take.high] for name, take in self.takes.items()},
            "lift_over_random": {name: lift._asdict() for name, lift in self.lift.items()},
            "share_of_oracle": {name: share._asdict() for name, share in self.share.items()},
            "read": self.read,
            "estimates": {
                policy: {
                    name: {
                        "value": e.value,
                        "low": e.low,
                        "high": e.high,
                        "verdict": e.verdict,
                        "reason": e.reason,
                    }
                    for name, e in of.items()
                }
                for policy, of in self.estimates.items()
            },
            "calibration_error": self.calibration.gap.error,
            "calibration_interval": [self.calibration.gap.low, self.calibration.gap.high],
            "metrics": list(self.metrics),
            "cold_start": None if self.cold_start is None else self.cold_start.as_record(),
            "rows": None if self.rows is None else self.rows.record(),
            "kinds": None if self.kinds is None else self.kinds.record(),
        }


def judge_bundle(
    examples: pa.Table,
    catalogue: Catalogue,
    bundle: str,
    *,
    expected: pa.Table | None = None,
    cache: Path | str | None = None,
    curves: LearningCurves | None = None,
    cold_start: ColdStartResult | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Findings:
    """Judge a bundle and its baselines on a log.

    Args:
        examples: as EXAMPLES, none that the bundle was trained on.
        catalogue: that has every candidate.
        bundle: its folder, or what leads to it.
        expected: decision_id and the expected take of each candidate, of a simulated log.
        cache: folder for decoded images; made anew if None.
        curves: of the run that made the bundle.
        cold_start: what the bundle takes on artwork never seen.
        bootstrap: of the intervals.

    Raises:
        BadInput: an example is wrong, or the bundle does not fit.
    """
    with cache_folder(cache) as folder:
        names = [form.format(bundle) for form in FORMS.values()]
        policies = PolicyProbabilities.of(examples, catalogue, names, folder)
        logged = policies.logged
        targets = {name: policies(form.format(bundle)) for name, form in FORMS.items()}
        predicted = policies.takes(bundle)
        scored = policies.opened(bundle)
    truth = None if expected is None else expected_takes(expected, logged)
    if truth is not None:
        best = logged.by_decision(truth, padding=-np.inf).argmax(-1)
        targets["oracle"] = one_hot(best, logged.valid)[logged.valid]
    estimates = _estimates(targets, logged, bootstrap)
    if truth is None:
        takes, lift, share = _estimated(estimates, targets, logged, bootstrap)
    else:
        takes, lift, share = _exact(targets, truth, logged, bootstrap)
    return Findings(
        bundle_id=scored.scorer.bundle_id,
        reads_pixels=scored.scorer.manifest.image is not None,
        log=_span(logged),
        support=logged.support,
        exact=truth is not None,
        takes=takes,
        lift=lift,
        share=share,
        estimates=estimates,
        calibration=CalibrationCurve.of(
            predicted, logged.feedback.reward, profile=logged.feedback.group
        ),
        titles=showcase(scored, logged),
        curves=curves,
        cold_start=cold_start,
        metrics=metric_words(examples, policies, bundle, bootstrap),
    )


def _estimates(
    targets: Mapping[str, Flat], logged: LoggedExamples, bootstrap: Bootstrap
) -> dict[str, dict[str, Estimate]]:
    """Policy → estimator → estimate."""
    return {
        name: target_estimates(logged, target, bootstrap=bootstrap)
        for name, target in targets.items()
    }


Three = tuple[dict[str, Range], dict[str, Range], dict[str, Range]]


def _exact(
    targets: Mapping[str, Flat], truth: Flat, logged: LoggedExamples, bootstrap: Bootstrap
) -> Three:
    """Take fractions, lift over random, share of the oracle's gain: one draw of profiles for all.

    Choices and outcomes are not sampled; what is uncertain is who came and what they were offered.
    """
    starts = logged.feedback.offsets[:-1]
    names = list(targets)
    terms = [np.add.reduceat(targets[name] * truth, starts) for name in names]
    sums = group_sums(np.stack([*terms, np.ones(len(logged))], axis=-1), logged.feedback.group)
    count, random, oracle = len(names), names.index("random"), names.index("oracle")
    means = [Quantity([at, count], lambda s: s[..., 0] / s[..., 1]) for at in range(count)]
    lifts = [Quantity([at, random], lambda s: s[..., 0] / s[..., 1] - 1) for at in range(count)]
    shares = [
        Quantity([at, random, oracle], lambda s: (s[..., 0] - s[..., 1]) / (s[..., 2] - s[..., 1]))
        for at in range(count)
    ]
    intervals = ranges(sums, [*means, *lifts, *shares], bootstrap)
    take, lift, share = (
        dict(zip(names, intervals[at * count : (at + 1) * count], strict=True)) for at in range(3)
    )
    lift.pop("random")
    share.pop("random")
    share.pop("oracle")
    return take, lift, share


def _estimated(
    estimates: Mapping[str, Mapping[str, Estimate]],
    targets: Mapping[str, Flat],
    logged: LoggedExamples,
    bootstrap: Bootstrap,
) -> Three:
    """The same where the truth is not known: by the estimator to read, lift as in its tables."""
    read = to_read(estimates.values())
    takes = {n: Range(e[read].value, e[read].low, e[read].high) for n, e in estimates.items()}
    if not takes["random"].value > 0:
        return takes, {}, {}
    policies = {n: replace(logged.feedback, target=target) for n, target in targets.items()}
    random, estimator = policies.pop("random"), PLAIN[read]()
    lift = {
        name: lifts_over(estimator, policy, random, (None,), bootstrap)[0].relative
        for name, policy in policies.items()
    }
    return takes, lift, {}


def _span(logged: LoggedExamples) -> LogSpan:
    examples = logged.examples
    first, last = (moment.date() for moment in logged.ends)
    return {
        "decisions": len(logged),
        "impressions": logged.impressions,
        "takes": float(logged.feedback.reward.sum()),
        "profiles": len(examples["profile_id"].unique()),
        "titles": len(examples["title_id"].unique()),
        "artworks": len(logged.catalogue.artwork_ids),
        "first_day": date.isoformat(first),
        "last_day": date.isoformat(last),
    }
