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
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED, Estimator
from evaluate.ope.feedback import Feedback
from evaluate.ope.feedback_file import FeedbackSource
from evaluate.ope.feedback_sums import FeedbackSums
from evaluate.ope.fraction_intervals import Matched, fraction_interval
from evaluate.ope.intervals import influence, resampled_sums, studentised_interval
from evaluate.ope.reward_model import CrossFittedMeans
from evaluate.ope.slope import GRIDS, slope
from evaluate.ope.support import EVERY_ROW, Support
from evaluate.ope.trust import Evidence, Trust, doubts, verdict_of

Interval = Literal["bootstrap", "bernstein"]
Lambda = float | Literal["slope"]


@dataclass(frozen=True)
class Estimate:
    """What a target policy would have earned a decision, and how far to believe it.

    Attributes:
        value: the estimate; NaN where the log says nothing. Of rewards within [0, 1] a weighted or
            doubly robust value may lie outside, and stays as it is: its interval does not.
        low: lower end of the 95% interval; within [0, 1] where all rewards are.
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
    interval: str
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


def estimate(
    feedback: pa.Table | str | Path,
    estimators: Sequence[str] = NAMES,
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
        interval: "bootstrap" over profiles, or "bernstein" where a guarantee is wanted (mean
            estimators only; the others keep the bootstrap and say so in `interval`).
        bootstrap: one for all estimators.

    Raises:
        NoSupport: no row's action was drawn at random.
        BadInput: the feedback, an estimator's name or a λ is wrong.
    """
    chosen = _build(estimators, lambdas or {})
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
        clustered: False where decisions are independent, which tightens "bernstein".
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
    sums = log.sums[:, log.columns[0]]
    context = diagnose(sums, log.largest_weight), matched_rows(sums, clustered), support
    results: dict[str, list[tuple[Estimate, float]]] = {}
    for at, (e, value_record) in enumerate(
        zip(estimators, _values(log, estimators, interval, bootstrap, clustered), strict=True)
    ):
        evidence = Evidence(
            e.name, value_record.value, log.fraction, log.removed(at), e.needs_model
        )
        estimate = _estimate(value_record, evidence, e.parameter, *context)
        results.setdefault(e.name, []).append((estimate, value_record.half_width))
    return {name: _choose(grid) for name, grid in results.items()}


class _Value(NamedTuple):
    """What an estimator says of a log."""

    value: float
    low: float
    high: float
    interval: Interval
    half_width: float
    """Before any cut."""


def _values(
    log: FeedbackSums,
    estimators: Sequence[Estimator],
    interval: Interval,
    bootstrap: Bootstrap,
    clustered: bool,
) -> Iterable[_Value]:
    """Value and interval of each estimator, from one draw of groups for all."""
    matched = matched_rows(log.sums[:, log.columns[0]], clustered)
    own = [
        influence(log.sums[:, part], e.value)
        for e, part in zip(estimators, log.columns[1:], strict=True)
    ]
    drawn = resampled_sums(
        np.concatenate([log.sums, *(np.stack([o, o**2], -1) for o in own)], axis=1), bootstrap
    )
    for at, (e, part) in enumerate(zip(estimators, log.columns[1:], strict=True)):
        value = float(e.value(log.sums[:, part].sum(0)))
        pushes = drawn[:, log.sums.shape[1] + 2 * at :][:, :2]
        low, high = studentised_interval(
            value, e.value(drawn[:, part]), own[at], pushes[:, 0], pushes[:, 1]
        )
        bounded = interval == "bernstein" and e.linear
        if bounded:
            low, high = log.bernstein(at, value, clustered)
        half_width = (high - low) / 2
        if log.fraction:
            low, high = fraction_interval(value, low, high, matched)
        yield _Value(value, low, high, "bernstein" if bounded else "bootstrap", half_width)


def _estimate(
    value_record: _Value,
    evidence: Evidence,
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
        value=value_record.value,
        low=value_record.low,
        high=value_record.high,
        interval=value_record.interval,
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


def _choose(grid: list[tuple[Estimate, float]]) -> Estimate:
    """The only estimate of a name, or SLOPE's choice among a grid, by widths before any cut."""
    estimates, half_widths = zip(*grid, strict=True)
    if len(grid) == 1:
        return estimates[0]
    return estimates[slope(np.array([e.value for e in estimates]), np.array(half_widths))]


def _build(names: Sequence[str], lambdas: dict[str, Lambda]) -> list[Estimator]:
    """Estimators by name, a whole grid where SLOPE shall choose."""
    unknown = [n for n in names if n not in NAMES]
    if unknown:
        raise BadInput(f"estimators: no {', '.join(unknown)}; choose among {', '.join(NAMES)}")
    unused = [n for n in lambdas if n not in TUNED]
    if unused:
        raise BadInput(f"λ given for {', '.join(unused)}; only {', '.join(TUNED)} have one")
    built: list[Estimator] = []
    for name in names:
        if name in PLAIN:
            built.append(PLAIN[name]())
            continue
        asked = lambdas.get(name, DEFAULTS[name])
        for value in GRIDS[name] if asked == "slope" else (float(asked),):
            if not value >= 0 or (name.startswith("sg_") and value > 1):
                limit = "between 0 and 1" if name.startswith("sg_") else "0 or more"
                raise BadInput(f"λ of {name} is {value}; it must be {limit}")
            built.append(TUNED[name](float(value)))
    return built
