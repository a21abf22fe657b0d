"""How far to trust an estimate, in words: from the log's diagnostics, each doubt one sentence."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from evaluate.ope.diagnostics import Diagnostics
from evaluate.ope.fraction_intervals import FEW, Matched
from evaluate.ope.support import Support

Trust = Literal["trust", "weak", "do not use"]
"""Read it as it is; read it with its interval and the reason beside it; read another."""

ORDER: tuple[Trust, ...] = ("trust", "weak", "do not use")
PREFERENCE = (
    *("dr", "sndr", "snips", "ips", "sg_dr", "dr_clipped", "switch_dr", "dros"),
    *("sg_ips", "ips_clipped", "replay", "dm"),
)
"""Which estimator to read first where several are trusted alike."""

REMOVED = 0.02
"""Share of the weight that may be cut or shrunk away before bias counts."""


class Doubt(NamedTuple):
    """Something that speaks against an estimate, and what it leaves of it."""

    trust: Trust
    words: str


class Evidence(NamedTuple):
    """What an estimator made of a log."""

    name: str
    value: float
    fraction: bool
    """Whether its interval is that of a fraction."""
    removed: float
    """Share of all weight that it cut or shrank away."""
    modelled: bool
    """Whether a reward model stands in for what was removed."""
    chosen: bool = False
    """Whether its λ was chosen on this log."""


class WithVerdict(Protocol):
    """An estimate that carries its verdict."""

    @property
    def verdict(self) -> Trust:
        """How far to trust it."""
        ...


def can_hold(evidence: Evidence, log: Diagnostics) -> bool:
    """Whether an interval of this estimator can hold what the target is worth.

    One around a value with an unknown bias holds that value's own mean, which nobody asked for.
    """
    biased = evidence.removed > REMOVED or (evidence.name == "replay" and not log.uniform)
    return not (evidence.name == "dm" or evidence.chosen or biased)


def doubts(evidence: Evidence, log: Diagnostics, matched: Matched, support: Support) -> list[Doubt]:
    """What speaks against an estimate, each one plain sentence; empty where nothing does.

    Args:
        evidence: the estimator and its value.
        log: how well the log covers the target.
        matched: rows that the target would have chosen too.
        support: of the log.
    """
    if evidence.name == "dm":
        words = (
            "dm is as good as its reward model, and nothing in the log corrects it: no interval"
            " tells of the model's bias"
        )
        return [Doubt("do not use", words), *_of_groups(log)]
    reasons = [*doubts_of_log(log), *_of_estimator(evidence, log)]
    if math.isnan(evidence.value):
        words = "no decision of the log agrees with the target: nothing is known"
        reasons.insert(0, Doubt("do not use", words))
    else:
        reasons += _of_matched(evidence, matched)
    if support.share_left_out > 0.5:
        words = (
            f"{support.share_left_out:.0%} of the log is left out ({support.reasons()}): the"
            " estimate speaks of the smaller part"
        )
        reasons.append(Doubt("weak", words))
    return reasons


def doubts_of_log(log: Diagnostics) -> list[Doubt]:
    """What speaks against every estimate whose weights these are."""
    return [*_of_groups(log), *_of_weights(log)]


def verdict_of(reasons: Sequence[Doubt], log: Diagnostics) -> tuple[Trust, str]:
    """The worst of all doubts and its words; where there are none, what speaks for it."""
    if reasons:
        worst = max(reasons, key=lambda doubt: ORDER.index(doubt.trust))
        return worst.trust, worst.words
    low, high = log.mean_weight_range
    return "trust", (
        f"effective sample size {log.ess:,.0f}, largest weight {log.largest_share:.1%} of all, mean"
        f" weight {log.mean_weight:.3f} [{low:.3f}, {high:.3f}] where it should be 1"
    )


def to_read(policies: Iterable[Mapping[str, WithVerdict]]) -> str:
    """The estimator to read: of those that are trusted most for every policy, the first preferred.

    Args:
        policies: estimator → estimate, of one policy or of several that are compared.
    """
    policies = list(policies)
    names = [name for name in PREFERENCE if all(name in of for of in policies)]
    return min(names, key=lambda name: max(ORDER.index(of[name].verdict) for of in policies))


def _of_matched(evidence: Evidence, matched: Matched) -> list[Doubt]:
    if evidence.fraction and matched.few:
        count, of = min((matched.takes, "takes"), (matched.misses, "misses"))
        words = (
            f"only {count:.1f} {of} of equal weight match the target, fewer than {FEW:.0f}: the"
            " interval is the binomial one of so many rows"
        )
        return [Doubt("weak", words)]
    if not evidence.fraction and matched.takes < FEW:
        words = (
            f"only {matched.takes:.1f} rewards of equal weight match the target, fewer than"
            f" {FEW:.0f}: the interval knows no others"
        )
        return [Doubt("do not use", words)]
    return []


def _of_groups(log: Diagnostics) -> list[Doubt]:
    if log.groups >= 30:
        return []
    words = (
        f"only {log.groups} profiles (or decisions, where no profile is given): the interval"
        " cannot be trusted below 30"
    )
    return [Doubt("weak" if log.groups >= 10 else "do not use", words)]


def _of_weights(log: Diagnostics) -> list[Doubt]:
    reasons = []
    if log.ess < 100:
        words = (
            f"the log is worth only {log.ess:.0f} decisions to this target (effective sample"
            " size below 100): log with more exploration, or judge a policy nearer to it"
        )
        reasons.append(Doubt("weak" if log.ess >= 20 else "do not use", words))
    if log.ess and log.largest_weight > 0.05 * log.decisions:
        words = (
            f"one decision has weight {log.largest_weight:.3g}, over 5% of the whole: a single"
            " reward decides the estimate"
        )
        heavy = log.largest_weight > 0.2 * log.decisions
        reasons.append(Doubt("do not use" if heavy else "weak", words))
    if log.share_without_support > 0.01:
        words = (
            f"{log.share_without_support:.1%} of what the target does was never possible under"
            " the logging policy: its value there is unknown"
        )
        reasons.append(Doubt("do not use" if log.share_without_support > 0.1 else "weak", words))
    if log.excess > 4:
        words = (
            f"the mean weight is {log.mean_weight:.3f} and should be 1, {log.excess:.0f} standard"
            " errors away: the logged propensities or the target probabilities are wrong"
        )
        reasons.append(Doubt("do not use", words))
    return reasons


def _of_estimator(evidence: Evidence, log: Diagnostics) -> list[Doubt]:
    reasons = []
    if evidence.chosen:
        words = (
            "λ was chosen on this log: no interval covers what was chosen (SLOPE bounds its error"
            " up to a factor, and gives none)"
        )
        reasons.append(Doubt("weak", words))
    if evidence.removed > REMOVED:
        modelled = evidence.modelled
        instead = "the reward model alone speaks for it" if modelled else "its reward is lost"
        words = (
            f"{evidence.removed:.0%} of the weight was cut or shrunk away and {instead}: no"
            " interval covers that bias; use dr or snips"
        )
        reasons.append(Doubt("weak", words))
    if evidence.name == "replay" and not log.uniform:
        words = (
            "replay is right only where all decisions were drawn evenly from equally many"
            " candidates, and these were not: prefer snips or dr"
        )
        reasons.append(Doubt("do not use", words))
    return reasons
