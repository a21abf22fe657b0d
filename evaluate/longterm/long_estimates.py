"""Long-term values with intervals: LOPE beside DR, and what a proxy leaves out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evaluate.longterm.jackknife import Learnt, jackknife_range
from evaluate.longterm.lope import LongTermLog, lope_terms, lope_weights
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.feedback import GROUPS
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, ranges

Terms = Callable[[LongTermLog, Float[np.ndarray, "decisions actions"]], np.ndarray]


def logged_terms(
    log: LongTermLog, target: Float[np.ndarray, "decisions actions"]
) -> Float[np.ndarray, " decisions"]:
    """The rewards as they are: of the logging policy."""
    del target
    return log.reward


def ips_terms(
    log: LongTermLog, target: Float[np.ndarray, "decisions actions"]
) -> Float[np.ndarray, " decisions"]:
    """Inverse propensity: right whatever is believed of outcomes, and the noisiest."""
    return _weights(log, target) * log.reward


def dr_terms(
    log: LongTermLog, target: Float[np.ndarray, "decisions actions"]
) -> Float[np.ndarray, " decisions"]:
    """Doubly robust: the model's value, and what is left of the reward, weighed by actions."""
    shown = log.estimated[np.arange(len(log.action)), log.action]
    return _weights(log, target) * (log.reward - shown) + (target * log.estimated).sum(1)


ESTIMATORS: dict[str, Terms] = {
    "logged": logged_terms,
    "ips": ips_terms,
    "dr": dr_terms,
    "lope": lope_terms,
}


@dataclass(frozen=True)
class LongEstimate:
    """What a policy earns a decision over the whole window.

    Attributes:
        value: the estimate.
        low: lower end of its 95% interval.
        high: upper end.
        ess: decisions that the weights are worth.
    """

    value: float
    low: float
    high: float
    ess: float


class ProxyGap(NamedTuple):
    """What a target's long-term value is beyond what a proxy says of it."""

    value: float
    low: float
    high: float

    @property
    def broken(self) -> bool:
        """Whether the proxy is shown to leave something out."""
        return self.low > 0 or self.high < 0

    def words(self) -> str:
        """For a reader."""
        ends = f"{self.value:+.4f} [{self.low:+.4f}, {self.high:+.4f}] a decision"
        if self.broken:
            side = "too low" if self.low > 0 else "too high"
            return (
                f"the proxy is broken for this target: it is {side}, the truth differs by {ends}."
                " What the target does reaches the long-term reward by ways that the proxy does not"
                " see: train it on what is seen later, or do not maximise it"
            )
        return f"the proxy is not shown to leave anything out for this target: {ends}"


def long_estimates(
    log: LongTermLog,
    target: Float[np.ndarray, "decisions actions"],
    bootstrap: Bootstrap = BOOTSTRAP,
    names: Sequence[str] = tuple(ESTIMATORS),
    again: Learnt | None = None,
) -> dict[str, LongEstimate]:
    """Estimates from one log, with intervals by whole profiles, from the same draws for all.

    Args:
        log: decisions whose long-term rewards have come.
        target: its probability of each action.
        bootstrap: of the intervals.
        names: which of `ESTIMATORS`.
        again: the log of some of its decisions, models learnt from these alone: LOPE's interval
            is then by leaving blocks of profiles out, models and all; None: its models are taken
            for given, as DR's may be.
    """
    terms = np.stack([ESTIMATORS[name](log, target) for name in names], axis=1)
    found = mean_ranges(terms, groups_of(log), bootstrap)
    weights = {"ips": _weights(log, target), "dr": _weights(log, target)}
    weights["lope"] = lope_weights(target, log.logged, log.posterior)
    count = float(len(log.action))
    if again is not None and "lope" in names:
        at = list(names).index("lope")

        def value(keep: np.ndarray) -> float:
            some = again(keep)
            # Without the longest pages there are fewer places.
            places = some.logged.shape[1]
            return float(lope_terms(some, target[keep][:, :places]).mean())

        found[at] = jackknife_range(found[at].value, groups_of(log), value)
    return {
        name: LongEstimate(*each, _worth(weights[name]) if name in weights else count)
        for name, each in zip(names, found, strict=True)
    }


def proxy_gap(
    log: LongTermLog,
    target: Float[np.ndarray, "decisions actions"],
    predicted: Float[np.ndarray, " decisions"],
    estimated: Float[np.ndarray, "decisions actions"] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> ProxyGap:
    """How far a proxy is off under a target, by the log alone: DR of reward − predicted.

    A proxy that carries all that actions do is off by as much whatever is shown. What it is off by
    under logging is taken away, so that a level of its own counts for nothing.

    Args:
        log: decisions whose long-term rewards have come.
        target: its probability of each action.
        predicted: the proxy's reward of each decision, from what was seen early.
        estimated: modelled difference of each action; 0 if None.
        bootstrap: of the interval.
    """
    off = log.reward - predicted
    model = np.zeros_like(log.estimated) if estimated is None else estimated
    shown = model[np.arange(len(off)), log.action]
    there = _weights(log, target) * (off - shown) + (target * model).sum(1)
    found = mean_ranges((there - off)[:, None], groups_of(log), bootstrap)
    return ProxyGap(*found[0])


def surrogate_gap(lope: LongEstimate, surrogate: Range) -> ProxyGap:
    """LOPE less the surrogate index of another sample, an experiment under the target itself.

    Args:
        lope: of the log.
        surrogate: mean of E[r | x, s] over the experiment, with its interval.
    """
    value = lope.value - surrogate.value
    half = np.hypot(lope.high - lope.low, surrogate.high - surrogate.low) / 2
    return ProxyGap(value, value - half, value + half)


def mean_ranges(
    terms: Float[np.ndarray, "decisions terms"],
    group: Int[np.ndarray, " decisions"],
    bootstrap: Bootstrap = BOOTSTRAP,
) -> list[Range]:
    """Mean of each column with its interval by groups."""
    whole = np.concatenate([terms, np.ones((len(terms), 1))], axis=1)
    last = terms.shape[1]
    quantities = [Quantity([at, last], lambda s: s[..., 0] / s[..., 1]) for at in range(last)]
    return ranges(group_sums(whole, group), quantities, bootstrap)


def groups_of(log: LongTermLog) -> Int[np.ndarray, " decisions"]:
    """Of whole profiles; each decision its own where the log says none."""
    return (np.arange(len(log.action)) if log.group is None else log.group) % GROUPS


def _weights(
    log: LongTermLog, target: Float[np.ndarray, "decisions actions"]
) -> Float[np.ndarray, " decisions"]:
    rows = np.arange(len(log.action))
    return target[rows, log.action] / log.logged[rows, log.action]


def _worth(weight: Float[np.ndarray, " decisions"]) -> float:
    return float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
