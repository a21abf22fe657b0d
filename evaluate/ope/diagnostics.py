"""What to know before believing an estimate, in numbers and in words."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.ope.feedback import Feedback
from evaluate.ope.fraction_intervals import Matched


@dataclass(frozen=True)
class Diagnostics:
    """How well a log covers a target policy.

    Attributes:
        decisions: in the log.
        ess: effective sample size (Σw)² / Σw² (Kish 1965): as many equally weighted decisions.
        match_rate: mean target probability of the logged action; for a target that does not
            draw, the share of decisions where it agrees with the log.
        largest_weight: of any decision.
        mean_weight: 1 up to chance when propensities are right and support is full.
        share_without_support: share of what the target would do that the log never could have:
            1 less the mean weight where that is beyond chance, else 0.
        uniform: whether every logged propensity is 1 / candidates.
    """

    decisions: int
    ess: float
    match_rate: float
    largest_weight: float
    mean_weight: float
    share_without_support: float
    uniform: bool


def diagnostic_terms(feedback: Feedback) -> Float[np.ndarray, "decisions 7"]:
    """Terms whose sums make the diagnostics.

    One, w, w², match, whether the propensity is uniform, r and w·r.
    """
    w = feedback.weight
    flat = np.abs(feedback.propensity * np.diff(feedback.offsets) - 1) < 1e-6
    one = np.ones(len(w))
    return np.stack(
        [
            *(one, w, w**2, feedback.target_logged, flat.astype(float)),
            *(feedback.reward, w * feedback.reward),
        ],
        axis=-1,
    )


def diagnose(sums: Float[np.ndarray, "groups 7"], largest_weight: float) -> Diagnostics:
    """Diagnostics from the terms summed by group of profiles."""
    count, weight, square, match, flat = sums.sum(0)[:5]
    mean = weight / count
    groups = len(sums)
    deviation = sums[:, 1] - mean * sums[:, 0]
    error = np.sqrt(groups / max(groups - 1, 1) * (deviation**2).sum()) / count
    missing = 1 - mean
    return Diagnostics(
        decisions=int(count),
        ess=float(weight**2 / square) if square else 0.0,
        match_rate=float(match / count),
        largest_weight=largest_weight,
        mean_weight=float(mean),
        share_without_support=float(missing) if missing > max(3 * error, 1e-9) else 0.0,
        uniform=bool(flat == count),
    )


def matched_rows(sums: Float[np.ndarray, "groups 7"], clustered: bool = True) -> Matched:
    """What the rows that agree with the target tell of a fraction.

    Args:
        sums: terms summed by group of profiles.
        clustered: whether profiles are what is independent, not decisions.
    """
    return Matched.of(sums[:, 1], sums[:, 6], float(sums[:, 2].sum()), clustered)


def weight_excess(sums: Float[np.ndarray, "groups 7"]) -> float:
    """How many standard errors the mean weight lies above 1; 0 where it cannot be told."""
    count, weight = sums.sum(0)[:2]
    groups = len(sums)
    if groups < 30:
        return 0.0
    deviation = sums[:, 1] - weight / count * sums[:, 0]
    error = np.sqrt((deviation**2).sum() * groups / (groups - 1)) / count
    return float((weight / count - 1) / error) if error > 0 else 0.0


def warnings_for(
    name: str,
    log: Diagnostics,
    groups: int,
    excess: float,
    removed: float = 0.0,
    modelled: bool = False,
) -> list[str]:
    """Reasons not to believe an estimator on this log, each one plain sentence.

    Args:
        name: of the estimator.
        log: what is known of it.
        groups: independent units.
        excess: standard errors by which the mean weight lies above 1.
        removed: share of all weight that the estimator cut or shrank away.
        modelled: whether a reward model stands in for what was removed.
    """
    words = []
    weighted = name != "dm"
    if groups < 30:
        words.append(
            f"only {groups} profiles (or decisions, where no profile is given): the interval"
            " cannot be trusted below 30"
        )
    if weighted and log.ess < 100:
        words.append(
            f"the log is worth only {log.ess:.0f} decisions to this target (effective sample"
            " size below 100): log with more exploration, or judge a policy nearer to it"
        )
    if weighted and log.ess and log.largest_weight > 0.05 * log.decisions:
        words.append(
            f"one decision has weight {log.largest_weight:.3g}, over 5% of the whole: a single"
            " reward decides the estimate"
        )
    if weighted and log.share_without_support > 0.01:
        words.append(
            f"{log.share_without_support:.1%} of what the target does was never possible under"
            " the logging policy: its value there is unknown"
        )
    if weighted and excess > 4:
        words.append(
            f"the mean weight is {log.mean_weight:.3f} and should be 1, {excess:.0f} standard"
            " errors away: the logged propensities or the target probabilities are wrong"
        )
    if removed > (0.25 if modelled else 0.02):
        instead = "the reward model alone speaks for it" if modelled else "its reward is lost"
        words.append(
            f"{removed:.0%} of the weight was cut or shrunk away and {instead}: the interval does"
            " not cover that bias; choose λ with slope, or use dr or snips"
        )
    if name == "replay" and not log.uniform:
        words.append(
            "replay is right only for uniform logging, and these propensities are not"
            " 1 / candidates: prefer snips or dr"
        )
    if name == "dm":
        words.append("dm is as good as its reward model, and nothing in the log corrects it")
    return words
