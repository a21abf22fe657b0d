"""Estimates of rows: value, interval by member, and what speaks for or against each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.diagnostics import Diagnostics, diagnose
from evaluate.ope.fraction_intervals import FEW
from evaluate.ope.intervals import influence
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, ranges
from evaluate.ope.slope import slope
from evaluate.ope.trust import Doubt, Trust, doubts_of_log, verdict_of
from evaluate.slate.estimators import ESTIMATORS, SlateEstimator, window_estimator
from evaluate.slate.slates import Slates

SLOPE, LOGGED = "slope", "logged"
"""Names of what SLOPE chose, and of what the log's own policy earned."""
WORTH = 100.0
"""Rows that weights must be worth before SLOPE asks them: the error of fewer is itself unknown."""
PLAIN = 3.0
"""Standard errors of a difference beyond which an estimate is not to be used: many are compared."""


@dataclass(frozen=True)
class SlateEstimate:
    """What a target policy would have earned a row, and how far to believe it.

    Attributes:
        value: the estimate; NaN where the log says nothing.
        low: lower end of the 95% interval by profile (by row where none are named).
        high: upper end.
        slates: rows of the log.
        ess: effective sample size of its weights.
        largest_weight: of any row.
        mean_weight: 1 up to chance where probabilities are right and support is full.
        mean_weight_low: lower end of its 95% interval.
        mean_weight_high: upper end.
        assumes: what must hold if it is to be right, in words.
        verdict: trust, weak or do not use.
        reason: of the verdict, in a sentence.
        believable: no warning stands against it.
        warnings: each a plain sentence.
        chosen: of the entry `slope`, which estimator was chosen; else None.
    """

    value: float
    low: float
    high: float
    slates: int
    ess: float
    largest_weight: float
    mean_weight: float
    mean_weight_low: float
    mean_weight_high: float
    assumes: str
    verdict: Trust
    reason: str
    believable: bool
    warnings: list[str]
    chosen: str | None = None


def estimate_slates(slates: Slates, bootstrap: Bootstrap = BOOTSTRAP) -> dict[str, SlateEstimate]:
    """All estimates that the rows have weights for, by name; `slope` is SLOPE's choice.

    SLOPE walks from the weight of the whole row (no bias, much noise) to those of fewer slots, and
    stops before the first that differs from one before it by more than chance. Those whose weights
    are worth fewer than `WORTH` rows are not asked.

    Args:
        slates: with a model of the rewards.
        bootstrap: one draw of groups for all, so that what they have in common cancels.

    Raises:
        ValueError: the rows have no model.

    Source: Su, Srinath and Krishnamurthy (2020), as `slope`.
    """
    grid = nested(slates)
    used = {name: each for name, each in ESTIMATORS.items() if each.usable(slates)}
    used |= {each.name: each for each in grid}
    terms = [each.terms(slates) for each in used.values()]
    sums = group_sums(np.concatenate([_own(slates), *terms], axis=1), slates.group)
    ends = np.cumsum([2, *(part.shape[1] for part in terms)]).tolist()
    quantities = [
        Quantity(list(range(start, end)), each.value)
        for start, end, each in zip(ends, ends[1:], used.values(), strict=False)
    ]
    logged, *found = ranges(sums, [Quantity([0, 1], _mean), *quantities], bootstrap)
    own = np.stack([influence(sums[:, q.columns], q.value) for q in quantities])
    results = {LOGGED: _logged(slates, logged)}
    apart = Differences(list(used), np.array([one.value for one in found]), own)
    for each, one in zip(used.values(), found, strict=True):
        wider = [n for n in each.wider if n in used and used[n].fits(slates.logged)]
        doubt = apart.of(each, wider) if wider or not each.wider else _unchecked(each)
        results[each.name] = _estimate(each, slates, one, doubt)
    asked = [each.name for each in grid if results[each.name].ess >= WORTH]
    if asked := asked or [each.name for each in grid[:1]]:
        chosen = apart.slope(asked)
        results[SLOPE] = _of_slope(results[chosen], chosen, len(asked))
    return results


def nested(slates: Slates) -> list[SlateEstimator]:
    """Doubly robust estimators for SLOPE, each assuming less and varying more than the one before.

    Windows of one slot, two, and on to the whole row. Three need both policies to read no more than
    the slot before; where the log's own choices read more, no window is right, and it is a slot by
    itself, after those before it, and the whole row.
    """
    grid = [window_estimator(1), window_estimator(2)]
    if {slates.logged, slates.target} <= {"alone", "neighbour"} and slates.reward.shape[1] > 3:
        grid.append(window_estimator(3))
    grid = [each for each in grid if each.usable(slates) and each.fits(slates.logged)]
    names = ("sips_dr",) if grid else ("iips_dr", "cascade_dr", "sips_dr")
    return grid + [ESTIMATORS[name] for name in names if ESTIMATORS[name].usable(slates)]


@dataclass(frozen=True)
class Differences:
    """How far estimates of one log are apart, and how much of that is chance.

    Attributes:
        names: of the estimators.
        values: theirs.
        influences: what each group of profiles moves each by.
    """

    names: list[str]
    values: Float[np.ndarray, " estimators"]
    influences: Float[np.ndarray, "estimators groups"]

    def slope(self, names: Sequence[str]) -> str:
        """SLOPE's choice among estimators in order of falling bias."""
        at = [self.names.index(name) for name in names]
        usable = [place for place in at if np.isfinite(self.values[place])] or at[-1:]
        chosen = slope(self.values[usable], self.influences[usable])
        return self.names[usable[chosen]]

    def of(self, estimator: SlateEstimator, wider: Sequence[str]) -> Doubt | None:
        """The first of wider estimators that differs plainly, in words."""
        at = self.names.index(estimator.name)
        for name in wider:
            other = self.names.index(name)
            apart = self.values[at] - self.values[other]
            squares = ((self.influences[at] - self.influences[other]) ** 2).sum()
            groups = self.influences.shape[1]
            error = float(np.sqrt(squares * groups / max(groups - 1, 1)))
            if error > 0 and abs(apart) > PLAIN * error:
                words = (
                    f"{estimator.name} differs from {name}, which assumes less, by {apart:+.4f},"
                    f" {abs(apart) / error:.0f} standard errors: what it assumes does not hold here"
                )
                return Doubt("do not use", words)
        return None


def _mean(sums: Float[np.ndarray, "*batch 2"]) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def _own(slates: Slates) -> Float[np.ndarray, "slates 2"]:
    return np.stack([slates.reward.sum(1), np.ones(len(slates))], axis=-1)


def _unchecked(estimator: SlateEstimator) -> Doubt:
    """What is to be said where the log cannot tell whether an estimator is right."""
    words = (
        f"{estimator.name} assumes {estimator.assumes}, and nothing here can tell: give the"
        " probabilities of pairs, prefixes or whole rows too"
    )
    return Doubt("weak", words)


def _of_slope(of: SlateEstimate, name: str, asked: int) -> SlateEstimate:
    """The chosen estimate, and among how many it was chosen."""
    if asked == 1:
        return replace(of, chosen=name)
    words = (
        f"{name} was chosen on this log, as the steadiest that differs from none that assumes less"
        " by more than chance: its interval does not know of the choice"
    )
    weak = of.verdict == "trust"
    return replace(
        of,
        verdict="weak" if weak else of.verdict,
        reason=words if weak else of.reason,
        believable=False,
        warnings=[*of.warnings, words],
        chosen=name,
    )


def _logged(slates: Slates, ends: Range) -> SlateEstimate:
    """What the log's own policy earned."""
    log = _diagnostics(slates, np.ones(len(slates)))
    return _made(slates, ends, log, "nothing: it is what was earned", doubts_of_log(log))


def _estimate(
    estimator: SlateEstimator, slates: Slates, ends: Range, doubt: Doubt | None
) -> SlateEstimate:
    """A value with what there is to know of it."""
    weight = estimator.weight(slates)
    log = _diagnostics(slates, weight)
    found = doubts_of_log(log)
    rewarded = int(((slates.reward != 0).any(1) & (weight != 0)).sum())
    if rewarded < FEW:
        words = (
            f"only {rewarded} rows with a reward have weight, fewer than {FEW:.0f}: the interval"
            " knows no others"
        )
        found.insert(0, Doubt("do not use", words))
    if np.isnan(ends.value):
        words = "no row of the log agrees with the target: nothing is known"
        found.insert(0, Doubt("do not use", words))
    if not estimator.fits(slates.logged):
        reads = "the slot before" if slates.logged == "neighbour" else "more than the slot before"
        words = (
            f"{estimator.name} is wrong for a log whose choices read {reads}: a window's weight"
            " then says something of the slots outside it"
        )
        found.insert(0, Doubt("do not use", words))
    elif doubt is not None:
        found.insert(0, doubt)
    return _made(slates, ends, log, estimator.assumes, found)


def _made(
    slates: Slates, ends: Range, log: Diagnostics, assumes: str, found: list[Doubt]
) -> SlateEstimate:
    verdict, reason = verdict_of(found, log)
    low, high = log.mean_weight_range
    least = ends.low
    if slates.reward.min(initial=0) >= 0:
        least = max(ends.low, min(ends.value, 0.0))
    return SlateEstimate(
        value=ends.value,
        low=least,
        high=ends.high,
        slates=len(slates),
        ess=log.ess,
        largest_weight=log.largest_weight,
        mean_weight=log.mean_weight,
        mean_weight_low=low,
        mean_weight_high=high,
        assumes=assumes,
        verdict=verdict,
        reason=reason,
        believable=not found,
        warnings=[doubt.words for doubt in found],
    )


def _diagnostics(slates: Slates, weight: Float[np.ndarray, " slates"]) -> Diagnostics:
    """What the weights of rows say of the log."""
    nothing = np.zeros(len(weight))
    reward = slates.reward.sum(1)
    terms = [
        *(np.ones(len(weight)), weight, weight**2, nothing),
        *(nothing, reward, weight * reward, nothing),
    ]
    sums = group_sums(np.stack(terms, axis=-1), slates.group)
    return diagnose(sums[sums[:, 0] > 0], float(np.abs(weight).max()))
