"""Estimates of a lived log beside what its draws were worth by the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from bench.propensities.audience import Answer, Audience
from bench.propensities.lives import FIRST_DAY
from bench.propensities.looks import Looks, values_of_draws
from data.catalogue import Catalogue
from data.days import date_of
from data.join.join import join
from evaluate.monitor.monitor import inspect
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import estimate_feedback
from evaluate.ope.estimators import PLAIN
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities

ESTIMATORS = ("ips", "snips", "dr")


@dataclass(frozen=True)
class Beside:
    """An estimate and the truth."""

    value: float
    low: float
    high: float
    truth: float


@dataclass(frozen=True)
class Weights:
    """Weights of one day and level."""

    mean: float
    rows: int


@dataclass(frozen=True)
class Answers:
    """Whether pages were told what is logged."""

    compared: int
    """Decisions whose row is in the log and was joined."""
    different: int
    """Of these, told otherwise: another artwork, profile, title, or propensity, to the last bit."""
    ids: int
    ids_of_two_things: int


@dataclass(frozen=True)
class LogEstimates:
    """What one log says."""

    examples: int
    estimates: dict[str, dict[str, Beside]]
    """Policy → estimator."""
    weights: dict[str, Weights]
    """Of the uniform policy, by day and level: "3 personalised"."""
    policy_weights: dict[str, float]
    """Mean weight of each policy over all examples."""
    answers: Answers
    alerts: list[str]
    """What the monitor says is wrong."""


def estimates_of(
    log: Path,
    audience: Audience,
    catalogue: Path,
    cache: Path,
    policies: Mapping[str, str],
    days: int,
    bootstrap: Bootstrap,
) -> LogEstimates:
    """Join a log, estimate policies from it, and say what they would truly have earned.

    Args:
        log: rolled.
        audience: who lived through it.
        catalogue: of the log.
        cache: of decoded images.
        policies: name here → name for `PolicyProbabilities`.
        days: lived through.
        bootstrap: of the intervals.
    """
    out = log.parent / "examples"
    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=FIRST_DAY + days)
    join(log, catalogue, out, now=end)
    table = ds.dataset(out, format="parquet", partitioning="hive").to_table()
    logged = LoggedExamples.of(table, Catalogue.read(catalogue))
    values = values_of_draws(Looks.together(audience.looks), audience.change_cost)
    ids: list[str] = logged.examples["decision_id"].to_pylist()
    worth = np.array([values[audience.draws[name]] for name in ids])[:, : logged.valid.shape[1]]
    feedback, probabilities = logged.feedback, PolicyProbabilities(logged, cache)
    estimators = [PLAIN[name]() for name in ESTIMATORS]
    estimates, weights = {}, {}
    for name, policy in policies.items():
        target = probabilities(policy)
        by_estimator = estimate_feedback(
            [replace(feedback, target=target)], estimators, bootstrap=bootstrap
        )
        truth = float((logged.by_decision(target) * worth).sum() / len(logged))
        estimates[name] = {
            estimator: Beside(each.value, each.low, each.high, truth)
            for estimator, each in by_estimator.items()
        }
        weights[name] = float((target[feedback.logged] / feedback.propensity).mean())
    alerts = sorted(
        {
            f"{check.name} {check.day}: {check.words}"
            for check in inspect(str(log), str(out)).checks
            if check.state == "alert"
        }
    )
    return LogEstimates(
        len(logged), estimates, _by_day(table), weights, _answers(table, audience), alerts
    )


def _answers(examples: pa.Table, audience: Audience) -> Answers:
    names = ["decision_id", "profile_id", "title_id", "action", "propensity"]
    rows = examples.select(names).to_pylist()
    different = sum(
        audience.answers[name] != {Answer(*row)}
        for name, *row in (tuple(row.values()) for row in rows)
    )
    several = sum(len(answers) > 1 for answers in audience.answers.values())
    return Answers(len(rows), different, len(audience.answers), several)


def _by_day(examples: pa.Table) -> dict[str, Weights]:
    """Mean weight of the uniform policy, by day and level; certain choices among several apart."""
    rows = examples.select(["time", "level", "candidates", "propensity"]).to_pylist()
    parts: dict[str, list[float]] = {}
    for row in rows:
        count, p = len(row["candidates"]), row["propensity"]
        if count > 1 and (p < 1 or row["level"] == "personalised"):
            day = (row["time"].date() - date_of(FIRST_DAY)).days
            parts.setdefault(f"{day} {row['level']}", []).append(1 / (count * p))
    return {name: Weights(float(np.mean(w)), len(w)) for name, w in sorted(parts.items())}


def coverage(all_of: Sequence[LogEstimates], policy: str, estimator: str) -> tuple[float, float]:
    """Share of logs whose interval holds the truth, and the mean relative error."""
    each = [log.estimates[policy][estimator] for log in all_of]
    held = float(np.mean([e.low <= e.truth <= e.high for e in each]))
    return held, float(np.mean([e.value for e in each]) / np.mean([e.truth for e in each]) - 1)
