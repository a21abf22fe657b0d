"""Metrics that a candidate may not spoil: each estimated as the reward is, on the same rows.

A guard below 0 says which share of the other policy's metric may be lost, one above 0 by how much
it may be exceeded (of cancellations, say). A guard refuses what is shown to be beyond it; where the
log cannot tell, it says so and stops nothing: most metrics are rarer than the reward, and a gate
that waited for all of them would wait for ever.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from data.schema import read_schema
from evaluate.gate.comparison import GateComparison, GatedPolicy
from evaluate.gate.non_inferiority import ESTIMATOR, Verdict
from evaluate.metrics.metrics import guard_words, metric_names, metric_values
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.judge import target_estimates
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities


@dataclass(frozen=True)
class GuardedMetric:
    """A metric under the candidate and under what it would replace."""

    name: str
    guard: float | None
    """None: it is looked at, and refuses nothing."""
    comparison: GateComparison
    """Of the candidate with the other; the other way round where less is better."""
    lacking: int
    """Rows that do not have it, and were left out."""

    @property
    def verdict(self) -> Verdict | None:
        """Of its guard."""
        return None if self.guard is None else self.comparison.verdict

    def record(self) -> dict[str, object]:
        """As JSON has it, in the metric's own sign."""
        mine, other, change = self._numbers()
        return {
            "guard": self.guard,
            "verdict": self.verdict,
            "candidate": mine,
            "over": self._over,
            "other": other,
            "difference": change,
            "rows_without": self.lacking,
        }

    @property
    def _turned(self) -> bool:
        return self.guard is not None and self.guard > 0

    @property
    def _over(self) -> str:
        compared = self.comparison
        return (compared.candidate if self._turned else compared.other).name

    def _numbers(self) -> list[dict[str, float]]:
        """Value and ends of the candidate, of the other, and of their difference."""
        first, second = self.comparison.candidate.estimate, self.comparison.other.estimate
        change = self.comparison.difference
        if self._turned:
            first, second = second, first
            change = Range(-change.value, -change.high, -change.low)
        return [
            Range(first.value, first.low, first.high)._asdict(),
            Range(second.value, second.low, second.high)._asdict(),
            change._asdict(),
        ]

    def words(self) -> str:
        """Its numbers, and whether the guard holds."""
        mine, other, change = self._numbers()
        numbers = (
            f"{self.name} {mine['value']:.4g} a decision against {other['value']:.4g} under "
            f"{self._over}, {change['value']:+.4g} "
            f"[{change['low']:+.4g}, {change['high']:+.4g}]"
        )
        if self.guard is None:
            return numbers
        said = {"passed": "holds", "refused": "is broken", "undecided": "cannot be told yet"}
        return f"{numbers}; the guard, {guard_words(self.guard)}, {said[self.comparison.verdict]}"


def guarded_metrics(
    examples: pa.Table,
    policies: PolicyProbabilities,
    names: tuple[tuple[str, str], tuple[str, str]],
    *,
    margin: float,
    bootstrap: Bootstrap,
) -> list[GuardedMetric]:
    """Every metric of a log under two policies, guarded as the catalogue's schema says.

    Args:
        examples: with their metrics, all that `policies` are of and maybe more.
        policies: on the log.
        names: of the candidate and of the other, each in sentences and its own.
        margin: that metrics without a guard are compared by.
        bootstrap: of the intervals.
    """
    guards = read_schema(policies.logged.catalogue.root).outcomes.guarded
    kept = policies.logged.examples["decision_id"].combine_chunks()
    own = examples.filter(pc.is_in(examples["decision_id"], value_set=kept))  # pyright: ignore[reportAttributeAccessIssue]
    sizes = np.diff(policies.logged.feedback.offsets)
    found = []
    for name in metric_names(own):
        values = metric_values(own, name)
        there = np.isfinite(values)
        if not there.any():
            continue
        guard = guards.get(name)
        column = pa.array(values[there])
        rows = own.filter(pa.array(there))
        rows = rows.set_column(rows.schema.get_field_index("reward"), "reward", column)
        logged = LoggedExamples.of(rows, policies.logged.catalogue)
        inside = np.repeat(there, sizes)
        mine, other = (
            _judged(named[0], logged, policies(named[1])[inside], bootstrap) for named in names
        )
        allowed = margin if guard is None else -guard
        if guard is not None and guard > 0:
            # No more than (1 + guard) of the other's: the other has 1 / (1 + guard) or more.
            mine, other, allowed = other, mine, guard / (1 + guard)
        compared = GateComparison.of(mine, other, allowed, bootstrap=bootstrap)
        found.append(GuardedMetric(name, guard, compared, int((~there).sum())))
    return found


def metric_words(
    examples: pa.Table, policies: PolicyProbabilities, bundle: str, bootstrap: Bootstrap
) -> list[str]:
    """A sentence for each metric of a bundle beside random artwork, as a report has them.

    Args:
        examples: of the log.
        policies: on it.
        bundle: its name among them.
        bootstrap: of the intervals.
    """
    names = (("the bundle", bundle), ("random artwork", "random"))
    found = guarded_metrics(examples, policies, names, margin=0.0, bootstrap=bootstrap)
    return [one.words() for one in found]


def _judged(
    name: str, logged: LoggedExamples, target: Float[np.ndarray, " flat"], bootstrap: Bootstrap
) -> GatedPolicy:
    estimate = target_estimates(logged, target, (ESTIMATOR,), bootstrap)[ESTIMATOR]
    return GatedPolicy(name, replace(logged.feedback, target=target), estimate)
