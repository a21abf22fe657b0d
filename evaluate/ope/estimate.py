"""Off-policy estimates of one feedback log: value, interval, and whether to believe it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from data.duplicate_ids import DuplicateIds
from data.errors import BadInput
from evaluate.ope.diagnostics import TERMS, diagnose, diagnostic_terms, warnings_for, weight_excess
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED, Estimator
from evaluate.ope.feedback import GROUPS, Feedback
from evaluate.ope.feedback_file import FeedbackSource
from evaluate.ope.intervals import (
    bernstein_interval,
    influence,
    resampled_sums,
    studentised_interval,
)
from evaluate.ope.reward_model import CrossFittedMeans
from evaluate.ope.slope import GRIDS, slope

Interval = Literal["bootstrap", "bernstein"]
Lambda = float | Literal["slope"]


@dataclass(frozen=True)
class Estimate:
    """What a target policy would have earned a decision, and how far to believe it.

    Attributes:
        value: the estimate; NaN where the log says nothing.
        low: lower end of the 95% interval.
        high: upper end of the 95% interval.
        interval: how the interval was made.
        parameter: λ used, None where the estimator has none.
        decisions: rows of the log.
        ess: effective sample size.
        match_rate: mean target probability of the logged action.
        largest_weight: largest importance weight.
        share_without_support: share of the target's doing that the log could not contain.
        believable: no warning stands against it.
        warnings: each a plain sentence.
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
    believable: bool
    warnings: list[str]


def estimate(
    feedback: pa.Table | str | Path,
    estimators: Sequence[str] = NAMES,
    lambdas: dict[str, Lambda] | None = None,
    interval: Interval = "bootstrap",
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Estimate a target policy's reward a decision from a log of another policy.

    Reads the source in batches (twice where DM or DR must fit their own reward model), keeping
    only sums by group of profiles: memory does not grow with the log.

    Args:
        feedback: a table or Parquet file with `decision_id, candidates, action, reward,
            propensity, target_probabilities` and optionally `estimated_rewards, profile_id`.
        estimators: which of `NAMES`.
        lambdas: hyper-parameter by estimator, or "slope" to choose it from the log.
        interval: "bootstrap" over profiles, or "bernstein" where a guarantee is wanted (mean
            estimators only; the others keep the bootstrap and say so in `interval`).
        resamples: bootstrap draws.
        seed: of the bootstrap.

    Raises:
        BadInput: the feedback, an estimator's name or a λ is wrong.
    """
    chosen = _build(estimators, lambdas or {})
    source = FeedbackSource.open(feedback)
    model = None
    if any(e.needs_model for e in chosen) and not source.has("estimated_rewards"):
        model = CrossFittedMeans().learn(source.batches())

    def stream() -> Iterable[Feedback]:
        with DuplicateIds() as seen:
            for batch in source.batches():
                seen.add(batch.id_hashes)
                if model is None:
                    yield batch.feedback
                else:
                    yield replace(batch.feedback, estimated=model.predict(batch))
            seen.refuse(source)

    return estimate_feedback(
        stream(), chosen, interval, resamples, seed, clustered=source.has("profile_id")
    )


def estimate_feedback(
    batches: Iterable[Feedback],
    estimators: Sequence[Estimator],
    interval: Interval = "bootstrap",
    resamples: int = 1000,
    seed: int = 0,
    clustered: bool = True,
) -> dict[str, Estimate]:
    """The same from arrays; several estimators of one name are a grid for SLOPE to choose from.

    Args:
        batches: any number of batches of one log.
        estimators: what to compute.
        interval: as for `estimate`.
        resamples: bootstrap draws.
        seed: of the bootstrap.
        clustered: False where decisions are independent, which tightens "bernstein".
    """
    width = [TERMS]
    sums: np.ndarray | None = None
    squares = np.zeros(len(estimators))
    least, most = np.full(len(estimators), np.inf), np.full(len(estimators), -np.inf)
    largest = 0.0
    kept = np.zeros(len(estimators))
    for feedback in batches:
        if not len(feedback):
            continue
        terms = [diagnostic_terms(feedback)] + [e.terms(feedback) for e in estimators]
        if sums is None:
            width = [t.shape[1] for t in terms]
            sums = np.zeros((GROUPS, sum(width)))
        for at, column in enumerate(np.concatenate(terms, axis=1).T):
            sums[:, at] += np.bincount(feedback.group, weights=column, minlength=GROUPS)
        first = np.stack([t[:, 0] for t in terms[1:]]) if estimators else np.zeros((0, 1))
        squares += (first**2).sum(1)
        least, most = np.minimum(least, first.min(1)), np.maximum(most, first.max(1))
        kept += [(e.kept(feedback) if e.kept else feedback.weight).sum() for e in estimators]
        largest = max(largest, float(feedback.weight.max()))
    if sums is None:
        raise ValueError("no decisions to estimate from; give at least one")
    sums = sums[sums[:, 0] > 0]
    ends = np.cumsum(width)
    parts = [slice(e - w, e) for e, w in zip(ends, width, strict=True)]
    found = diagnose(sums[:, parts[0]], largest)
    excess = weight_excess(sums[:, parts[0]])
    own = [influence(sums[:, part], e.value) for e, part in zip(estimators, parts[1:], strict=True)]
    drawn = resampled_sums(
        np.concatenate([sums, *(np.stack([o, o**2], -1) for o in own)], axis=1), resamples, seed
    )
    results: dict[str, list[Estimate]] = {}
    for at, (e, part) in enumerate(zip(estimators, parts[1:], strict=True)):
        value = float(e.value(sums[:, part].sum(0)))
        pushes = drawn[:, sums.shape[1] + 2 * at :][:, :2]
        low, high = studentised_interval(
            value, e.value(drawn[:, part]), own[at], pushes[:, 0], pushes[:, 1]
        )
        kind = "bootstrap"
        if interval == "bernstein" and e.linear:
            kind = "bernstein"
            if clustered:
                low, high = _clustered_bernstein(sums[:, part], value, most[at] - least[at])
            else:
                count = found.decisions
                variance = max(squares[at] / count - value**2, 0) * count / max(count - 1, 1)
                low, high = bernstein_interval(count, value, variance, most[at] - least[at])
        removed = 1 - kept[at] / sums[:, 1].sum() if sums[:, 1].any() else 0.0
        words = warnings_for(e.name, found, len(sums), excess, float(removed), e.needs_model)
        if math.isnan(value):
            words.insert(0, "no decision of the log agrees with the target: nothing is known")
        made = Estimate(
            value=value,
            low=low,
            high=high,
            interval=kind,
            parameter=e.parameter,
            decisions=found.decisions,
            ess=found.ess,
            match_rate=found.match_rate,
            largest_weight=found.largest_weight,
            share_without_support=found.share_without_support,
            believable=not words,
            warnings=words,
        )
        results.setdefault(e.name, []).append(made)
    return {name: _choose(made) for name, made in results.items()}


def _choose(made: list[Estimate]) -> Estimate:
    """The only estimate of a name, or SLOPE's choice among a grid."""
    if len(made) == 1:
        return made[0]
    values = np.array([m.value for m in made])
    return made[slope(values, np.array([(m.high - m.low) / 2 for m in made]))]


def _clustered_bernstein(sums: np.ndarray, mean: float, span: float) -> tuple[float, float]:
    """Bernstein's bound where the independent terms are groups of profiles, not decisions."""
    groups, size = len(sums), sums[:, 1].mean()
    deviations = (sums[:, 0] - mean * sums[:, 1]) / size
    variance = float((deviations**2).sum() / max(groups - 1, 1))
    return bernstein_interval(groups, mean, variance, span * float(sums[:, 1].max() / size))


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
        given = lambdas.get(name, DEFAULTS[name])
        for value in GRIDS[name] if given == "slope" else (float(given),):
            if not value >= 0 or (name.startswith("sg_") and value > 1):
                limit = "between 0 and 1" if name.startswith("sg_") else "0 or more"
                raise BadInput(f"λ of {name} is {value}; it must be {limit}")
            built.append(TUNED[name](float(value)))
    return built
