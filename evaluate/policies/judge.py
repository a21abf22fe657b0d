"""What bundles and baselines would have earned on a log: estimates, lift and segments."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import NAMES, PLAIN, Estimator
from evaluate.ope.feedback import Feedback
from evaluate.ope.fraction_intervals import Matched, fraction_interval
from evaluate.ope.paired_bootstrap import (
    Quantity,
    Range,
    group_sums,
    ranges,
)
from evaluate.ope.trust import to_read
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.expected_takes import expected_takes
from evaluate.policies.judgement import ESTIMATORS, Judgement, SegmentLifts
from evaluate.policies.lift import Lift, lifts_over
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import BEST_ON_LOG, PolicyProbabilities
from evaluate.policies.segments import Segments, segments


def policy_values(
    examples: pa.Table,
    catalogue: Catalogue,
    names: Sequence[str],
    *,
    cache: Path | str | None = None,
    estimators: Sequence[str] = ESTIMATORS,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> dict[str, dict[str, Estimate]]:
    """What policies would have earned a decision of a log, by policy and estimator.

    Args:
        examples: as EXAMPLES; for an honest judgement, none that a bundle was trained on.
        catalogue: that has every candidate of the examples.
        names: of policies: random, best-on-log, and bundles, see `PolicyProbabilities`.
        cache: folder for decoded images; made anew if None.
        estimators: of `evaluate.ope.estimators.NAMES`.
        bootstrap: of the intervals.

    Raises:
        NoSupport: no example's action was drawn at random.
        BadInput: an example is wrong, or a bundle does not fit.
    """
    with cache_folder(cache) as folder:
        policies = PolicyProbabilities.of(examples, catalogue, names, folder)
        return {
            name: target_estimates(
                policies.logged, policies(name), estimators_for(name, estimators), bootstrap
            )
            for name in names
        }


def target_estimates(
    logged: LoggedExamples,
    target: Float[np.ndarray, " flat"],
    estimators: Sequence[str] = ESTIMATORS,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> dict[str, Estimate]:
    """What a policy would have earned a decision: the one place where commands get it from.

    So tables, report, training and gate say the same of the same policy on the same rows.

    Args:
        logged: the rows.
        target: the policy's probability of each candidate.
        estimators: of `evaluate.ope.estimators.NAMES`.
        bootstrap: of the intervals.
    """
    return estimate_feedback(
        [replace(logged.feedback, target=target)],
        [_estimator(name) for name in estimators],
        bootstrap=bootstrap,
        support=logged.support,
    )


def estimators_for(policy: str, estimators: Sequence[str] = ESTIMATORS) -> list[str]:
    """Estimators that may judge a policy.

    Not the direct method where the policy takes the best of means of the judged log: the same
    means would say how good that choice is, and each maximum is too high.
    """
    return [name for name in estimators if not (policy == BEST_ON_LOG and name == "dm")]


def judge(
    examples: pa.Table,
    catalogue: Catalogue,
    names: Sequence[str],
    *,
    cache: Path | str | None = None,
    estimator: str = "dr",
    expected: pa.Table | None = None,
    by_segment: bool = True,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Judgement:
    """As `policy_values`, and lift over random, by segment as well, with intervals.

    Args:
        examples: as for `policy_values`.
        catalogue: as for `policy_values`.
        names: as for `policy_values`.
        cache: as for `policy_values`.
        estimator: that lift and segments are judged by.
        expected: decision_id and the expected take of each candidate, of a simulated log.
        by_segment: whether to divide the log at all.
        bootstrap: of the intervals.
    """
    judging = _estimator(estimator)
    chosen = list(dict.fromkeys((*ESTIMATORS, estimator)))
    if refused := [name for name in names if not estimators_for(name, [estimator])]:
        raise BadInput(
            f"--estimator {estimator} cannot judge {refused[0]}, which takes the best of the same "
            "means; give dr"
        )
    values, truth = dict[str, dict[str, Estimate]](), dict[str, float]()
    lifts: dict[str, list[Lift]] = {}
    with cache_folder(cache) as folder:
        probabilities = PolicyProbabilities.of(examples, catalogue, names, folder)
        random = (logged := probabilities.logged).feedback
        divided = segments(logged) if by_segment else {}
        masks = [None, *(mask for parts in divided.values() for mask in parts.values())]
        true_takes = None if expected is None else expected_takes(expected, logged)
        for name in names:
            policy = replace(random, target=probabilities(name))
            values[name] = target_estimates(
                logged, policy.target, estimators_for(name, chosen), bootstrap
            )
            lifts[name] = lifts_over(judging, policy, random, masks, bootstrap)
            if true_takes is not None:
                truth[name] = float((policy.target * true_takes).sum() / len(logged))
    return Judgement(
        decisions=len(logged),
        support=logged.support,
        logged=_earned(random, bootstrap),
        impressions=logged.impressions,
        logged_an_impression=logged.reward_an_impression,
        policies=values,
        read=to_read(values.values()),
        estimator=estimator,
        lift_over_random={name: lift[0] for name, lift in lifts.items()},
        segments=_by_segment(divided, lifts),
        truth=truth,
        labels=probabilities.labels(names),
    )


def _by_segment(
    divided: Mapping[str, Segments], lifts: Mapping[str, Sequence[Lift]]
) -> dict[str, dict[str, SegmentLifts]]:
    """Lifts by division and part; those of the whole log come before those of parts."""
    table: dict[str, dict[str, SegmentLifts]] = {way: {} for way in divided}
    places = [(way, part) for way, parts in divided.items() for part in parts]
    for at, (way, part) in enumerate(places, start=1):
        decisions = int(divided[way][part].sum())
        of_policies = {name: lift[at] for name, lift in lifts.items()}
        table[way][part] = SegmentLifts(decisions, of_policies)
    return table


def _estimator(name: str) -> Estimator:
    if name not in PLAIN:
        raise BadInput(
            f"estimator {name!r}: choose among {', '.join(n for n in NAMES if n in PLAIN)}"
        )
    return PLAIN[name]()


def _earned(feedback: Feedback, bootstrap: Bootstrap) -> Range:
    """What the logging policy earned a decision."""
    terms = np.stack([feedback.reward, np.ones(len(feedback))], axis=-1)
    mean = Quantity([0, 1], lambda sums: sums[..., 0] / sums[..., 1])
    sums = group_sums(terms, feedback.group)
    earned = ranges(sums, [mean], bootstrap)[0]
    if not ((feedback.reward >= 0) & (feedback.reward <= 1)).all():
        return earned
    rows = Matched.of(sums[:, 1], sums[:, 0], float(len(feedback)))
    return Range(earned.value, *fraction_interval(*earned, rows))
