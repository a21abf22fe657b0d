"""Off-policy estimates of one feedback log: value, interval, and whether to believe it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from data.duplicate_ids import DuplicateIds
from data.errors import BadInput
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.diagnostics import Diagnostics, diagnose, matched_rows
from evaluate.ope.estimators import USUAL, Estimator
from evaluate.ope.estimators.by_name import Lambda, estimators_by_name
from evaluate.ope.feedback import Feedback
from evaluate.ope.feedback_file import FeedbackSource
from evaluate.ope.feedback_sums import FeedbackSums
from evaluate.ope.fraction_intervals import Matched, fraction_interval, resampling_fails
from evaluate.ope.intervals import influence
from evaluate.ope.paired_bootstrap import Quantity, ranges
from evaluate.ope.reward_model import CrossFittedMeans
from evaluate.ope.slope import slope
from evaluate.ope.support import EVERY_ROW, Support
from evaluate.ope.trust import Evidence, Trust, can_hold, doubts, verdict_of

Interval = Literal["bootstrap", "betting"]
"""What can be asked for."""
Made = Literal["bootstrap", "binomial", "betting", "none"]
"""What an interval is: `binomial` where resampling says nothing, `none` where nothing holds."""


@dataclass(frozen=True)
class Estimate:
    """What a target policy would have earned a decision, and how far to believe it.

    Attributes:
        value: the estimate; NaN where the log says nothing. Of rewards within [0, 1] a weighted or
            doubly robust value may lie outside, and stays as it is: its interval does not.
        low: lower end of the 95% interval; within [0, 1] where all rewards are; NaN where no
            interval can hold what the target is worth.
        high: upper end of the 95% interval.
        interval: how the interval was made.
        parameter: λ used, None where the estimator has none.
        decisions: rows of the log.
        ess: effective sample size.
        match_rate: mean target probability of the logged action.
        largest_weight: largest importance weight.
        share_without_support: share of the target's doing that the log could not contain.
        mean_weight: 1 up to chance when propensities are right and support is full.
        mean_weight_low: lower end of its 95% interval.
        mean_weight_high: upper end.
        matched_takes: takes of equal weight among rows that the target would have chosen too.
        verdict: trust, weak or do not use.
        reason: of the verdict, in a sentence.
        believable: no warning stands against it, so that it can be trusted.
        warnings: each a plain sentence.
        support: rows of the log that were left out, and why.
    """

    value: float
    low: float
    high: float
    interval: Made
    parameter: float | None
    decisions: int
    ess: float
    match_rate: float
    largest_weight: float
    share_without_support: float
    mean_weight: float
    mean_weight_low: float
    mean_weight_high: float
    matched_takes: float
    verdict: Trust
    reason: str
    believable: bool
    warnings: list[str]
    support: Support = EVERY_ROW

    def between(self, digits: int = 4) -> str:
        """The interval for a reader."""
        if self.interval == "none":
            return "no interval"
        return f"{self.low:.{digits}f} … {self.high:.{digits}f}"


def estimate(
    feedback: pa.Table | str | Path,
    estimators: Sequence[str] = USUAL,
    lambdas: dict[str, Lambda] | None = None,
    interval: Interval = "bootstrap",
    bootstrap: Bootstrap = BOOTSTRAP,
) -> dict[str, Estimate]:
    """Estimate a target policy's reward a decision from a log of another policy.

    Reads the source in batches (twice where DM or DR must fit their own reward model), keeping
    only sums by group of profiles: memory does not grow with the log.

    Args:
        feedback: a table or Parquet file with `decision_id, candidates, action, reward,
            propensity, target_probabilities` and optionally `estimated_rewards, profile_id, level,
            probabilities`. Rows whose action was not drawn only teach the reward model.
        estimators: which of `NAMES`.
        lambdas: hyper-parameter by estimator, or "slope" to choose it from the log.
        interval: "bootstrap" over profiles, or "betting" where a guarantee is wanted.
        bootstrap: one for all estimators.

    Raises:
        NoSupport: no row's action was drawn at random.
        BadInput: the feedback, an estimator's name or a λ is wrong, or bets are asked for on
            rewards outside [0, 1].
    """
    chosen = estimators_by_name(estimators, lambdas or {})
    source = FeedbackSource.open(feedback)
    model = None
    if any(e.needs_model for e in chosen) and not source.has("estimated_rewards"):
        model = CrossFittedMeans().learn(source.batches())

    supports: list[Support] = []

    def stream() -> Iterable[Feedback]:
        with DuplicateIds() as seen:
            for batch in source.batches():
                seen.add(batch.id_hashes)
                supports.append(batch.support)
                drawn = batch.with_support()
                if model is None:
                    yield drawn.feedback
                else:
                    yield replace(drawn.feedback, estimated=model.predict(drawn))
            seen.refuse(source)
        Support.sum(supports).refuse_none(source.name)

    log = FeedbackSums.of(stream(), chosen)
    clustered, support = source.has("profile_id"), Support.sum(supports)
    return _estimates(log, chosen, interval, bootstrap, clustered, support)


def estimate_feedback(
    batches: Iterable[Feedback],
    estimators: Sequence[Estimator],
    interval: Interval = "bootstrap",
    bootstrap: Bootstrap = BOOTSTRAP,
    clustered: bool = True,
    support: Support = EVERY_ROW,
) -> dict[str, Estimate]:
    """The same from arrays; several estimators of one name are a grid for SLOPE to choose from.

    Args:
        batches: any number of batches of one log.
        estimators: what to compute.
        interval: as for `estimate`.
        bootstrap: one for all estimators.
        clustered: False where decisions are independent.
        support: of the log that the batches come from.
    """
    log = FeedbackSums.of(batches, estimators)
    return _estimates(log, estimators, interval, bootstrap, clustered, support)


def _estimates(
    log: FeedbackSums,
    estimators: Sequence[Estimator],
    interval: Interval,
    bootstrap: Bootstrap,
    clustered: bool,
    support: Support,
) -> dict[str, Estimate]:
    """Estimates by name, from sums."""
    matched = matched_rows(log.sums[:, log.columns[0]], clustered)
    context = diagnose(log.sums[:, log.columns[0]], log.largest_weight), matched, support
    names = [e.name for e in estimators]
    evidence = [
        Evidence(
            e.name,
            float(e.value(log.sums[:, part].sum(0))),
            log.fraction,
            log.removed(at),
            e.needs_model,
            names.count(e.name) > 1,
        )
        for at, (e, part) in enumerate(zip(estimators, log.columns[1:], strict=True))
    ]
    held = [can_hold(known, context[0]) for known in evidence]
    if interval == "betting":
        ends = _by_betting(log, evidence)
    else:
        ends = _by_resampling(log, estimators, evidence, held, matched, bootstrap)
    results: dict[str, list[tuple[Estimate, np.ndarray]]] = {}
    for at, (e, part) in enumerate(zip(estimators, log.columns[1:], strict=True)):
        made = _estimate(evidence[at], ends[at] if held[at] else NONE, e.parameter, *context)
        own = influence(log.sums[:, part], e.value)
        results.setdefault(e.name, []).append((made, own))
    return {name: _choose(grid) for name, grid in results.items()}


class _Ends(NamedTuple):
    """An interval, and what it is."""

    low: float
    high: float
    made: Made


NONE = _Ends(np.nan, np.nan, "none")


def _by_betting(log: FeedbackSums, evidence: Sequence[Evidence]) -> list[_Ends]:
    """One interval for all, since it is of the target's value, stretched to each estimate."""
    if not log.fraction:
        least, most = log.rewards
        raise BadInput(
            f"--interval betting: rewards reach from {least:g} to {most:g}, and bets need them"
            " within [0, 1]; divide them by the largest that is possible, or use bootstrap"
        )
    low, high = log.bets().interval()
    inside = [min(max(each.value, 0.0), 1.0) for each in evidence]
    return [_Ends(float(np.fmin(low, v)), float(np.fmax(high, v)), "betting") for v in inside]


def _by_resampling(
    log: FeedbackSums,
    estimators: Sequence[Estimator],
    evidence: Sequence[Evidence],
    held: Sequence[bool],
    matched: Matched,
    bootstrap: Bootstrap,
) -> list[_Ends]:
    """Interval of each estimator that can have one, from one draw of groups for all."""
    ends = [NONE] * len(estimators)
    places = [at for at, can in enumerate(held) if can]
    if log.fraction and matched.few:
        for at in places:
            low, high = fraction_interval(evidence[at].value, np.nan, np.nan, matched)
            ends[at] = _Ends(low, high, "binomial")
        return ends
    needed, quantities = [0], []  # with the count of decisions no group is without a term
    for at in places:
        part = log.columns[1 + at]
        first, width = len(needed), part.stop - part.start
        quantities.append(Quantity(list(range(first, first + width)), estimators[at].value))
        needed += range(part.start, part.stop)
    found = ranges(log.sums[:, needed], quantities, bootstrap) if places else []
    for at, (value, low, high) in zip(places, found, strict=True):
        made: Made = "bootstrap"
        if log.fraction:
            made = "binomial" if resampling_fails(low, high, matched) else made
            low, high = fraction_interval(value, low, high, matched)
        elif log.rewards[0] >= 0:
            low = max(low, min(value, 0.0))
        ends[at] = _Ends(low, high, made)
    return ends


def _estimate(
    evidence: Evidence,
    ends: _Ends,
    parameter: float | None,
    diagnostics: Diagnostics,
    matched: Matched,
    support: Support,
) -> Estimate:
    """A value with what there is to know of it."""
    found = doubts(evidence, diagnostics, matched, support)
    verdict, reason = verdict_of(found, diagnostics)
    low, high = diagnostics.mean_weight_range
    return Estimate(
        value=evidence.value,
        low=ends.low,
        high=ends.high,
        interval=ends.made,
        parameter=parameter,
        decisions=diagnostics.decisions,
        ess=diagnostics.ess,
        match_rate=diagnostics.match_rate,
        largest_weight=diagnostics.largest_weight,
        share_without_support=diagnostics.share_without_support,
        mean_weight=diagnostics.mean_weight,
        mean_weight_low=low,
        mean_weight_high=high,
        matched_takes=matched.takes,
        verdict=verdict,
        reason=reason,
        believable=not found,
        warnings=[doubt.words for doubt in found],
        support=support,
    )


def _choose(grid: list[tuple[Estimate, np.ndarray]]) -> Estimate:
    """The only estimate of a name, or SLOPE's choice among a grid."""
    estimates, own = zip(*grid, strict=True)
    if len(grid) == 1:
        return estimates[0]
    return estimates[slope(np.array([e.value for e in estimates]), np.stack(own))]
