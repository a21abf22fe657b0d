"""A candidate beside one other policy: the test, their difference, and both in words."""

import math
from dataclasses import dataclass

from evaluate.gate.non_inferiority import ESTIMATOR, LEVEL, POWER, Lead, Verdict, lead
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate
from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import Feedback
from evaluate.ope.fraction_intervals import FEW
from evaluate.ope.paired_bootstrap import Range, paired_gains

ORDER: tuple[Verdict, ...] = ("passed", "undecided", "refused")


@dataclass(frozen=True)
class GatedPolicy:
    """A policy on a log, as the gate compares it."""

    name: str
    """As sentences have it."""
    feedback: Feedback
    """The log under it."""
    estimate: Estimate


@dataclass(frozen=True)
class GateComparison:
    """What a log says of a candidate against another policy."""

    candidate: GatedPolicy
    other: GatedPolicy
    margin: float
    lead: Lead
    difference: Range
    """Paired, with its 95% interval by the bootstrap: the lift that tables show."""

    @classmethod
    def of(
        cls,
        candidate: GatedPolicy,
        other: GatedPolicy,
        margin: float,
        level: float = LEVEL,
        *,
        bootstrap: Bootstrap,
    ) -> "GateComparison":
        """Test, and difference, of two policies on one log."""
        mine, others = candidate.feedback, other.feedback
        [gain] = paired_gains(PLAIN[ESTIMATOR](), mine, others, bootstrap=bootstrap)
        tested = lead(mine, others, margin, level)
        return cls(candidate, other, margin, tested, gain.difference)

    @property
    def verdict(self) -> Verdict:
        """Of the test."""
        return self.lead.verdict

    def record(self) -> dict[str, object]:
        """As JSON has it; `rows_to_tell` is null where no number of rows would do."""
        e, rows = self.other.estimate, self.lead.rows_to_tell
        return {
            "verdict": self.verdict,
            **{name: getattr(e, name) for name in ("value", "low", "high", "ess")},
            "difference": self.difference._asdict(),
            "lead": {name: getattr(self.lead, name) for name in ("value", "error", "low", "high")},
            "margin": self.margin,
            "level": self.lead.level,
            "rows_to_tell": math.ceil(rows) if math.isfinite(rows) else None,
        }

    def words(self) -> str:
        """The verdict with its numbers."""
        name, tested = self.other.name, self.lead
        share = f"{1 - self.margin:.0%} of what {name} does" if self.margin else f"{name} does"
        mine, others = self.candidate.estimate.value, self.other.estimate.value
        if tested.rows_to_tell == 0:
            return f"it does what {name} does in every decision"
        change = f" ({mine / others - 1:+.1%})" if others > 0 else ""
        numbers = (
            f"{mine:.4f} a decision against {others:.4f}{change}, which is {tested.value:+.4f} "
            f"[{tested.low:+.4f}, {tested.high:+.4f}] from that line"
        )
        if self.verdict == "passed":
            return f"it earns more than {share}: {numbers}"
        if self.verdict == "refused":
            return f"it earns less than {share}: {numbers}"
        return f"not enough log to tell whether it earns more than {share}: {numbers}; {self._more}"

    @property
    def _more(self) -> str:
        """What would tell."""
        tested, rows = self.lead, self.candidate.estimate.decisions
        if tested.few_takes:
            return f"fewer than {FEW:.0f} takes match one of the two, or were due where they differ"
        if not math.isfinite(tested.rows_to_tell):
            return "with no margin no log shows that equals are equal"
        needs = f"an equal would pass on {tested.rows_to_tell:,.0f} decisions in {POWER:.0%} of"
        more = "so this one is likely worse" if tested.rows_to_tell <= rows else "so log more"
        return f"{needs} cases, {more} ({rows:,} here)"


def worst(verdicts: list[Verdict]) -> Verdict:
    """One verdict of several: refused by one is refused, unknown by one is undecided."""
    return max(verdicts, key=ORDER.index)
