"""Long-term values of a policy from short-term outcomes: LOPE, and the surrogate index."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from evaluate.ope.feedback import GROUPS, Feedback, dense_feedback


@dataclass(frozen=True)
class LongTermLog:
    """Decisions whose long-term reward has come, with what a model says of them.

    Attributes:
        action: what was shown.
        reward: the long-term reward.
        logged: the logging policy's probability of each action, exact.
        posterior: of each action, how likely it was the shown one given context and short-term
            outcome, under logging.
        estimated: the modelled long-term reward of each action.
        group: of whole profiles; None: decisions are independent.
        direct: the modelled part of the reward that is the action's own where the same was seen at
            once; None: `estimated`. See `at_level`.
    """

    action: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    logged: Float[np.ndarray, "decisions actions"]
    posterior: Float[np.ndarray, "decisions actions"]
    estimated: Float[np.ndarray, "decisions actions"]
    group: Int[np.ndarray, " decisions"] | None = None
    direct: Float[np.ndarray, "decisions actions"] | None = None

    def feedback(self, target: Float[np.ndarray, "decisions actions"]) -> Feedback:
        """The same for estimators that do not look at short-term outcomes: `ips`, `dr` and others.

        Args:
            target: the target's probability of each action.
        """
        propensity = self.logged[np.arange(len(self.action)), self.action]
        return dense_feedback(
            self.action.astype(np.int64),
            self.reward,
            propensity,
            target,
            self.estimated,
            None if self.group is None else self.group % GROUPS,
        )


def lope_weights(
    target: Float[np.ndarray, "decisions actions"],
    logged: Float[np.ndarray, "decisions actions"],
    posterior: Float[np.ndarray, "decisions actions"],
) -> Float[np.ndarray, " decisions"]:
    """How much likelier the target makes the outcome s: Σ_b π(b|x) / π₀(b|x) · p(b|x, s).

    It is the mean weight of the actions that may have led to s, so it varies less than theirs.
    """
    ratio = np.divide(target, logged, out=np.zeros_like(target), where=logged > 0)
    return (ratio * posterior).sum(1)


def lope_terms(
    log: LongTermLog, target: Float[np.ndarray, "decisions actions"]
) -> Float[np.ndarray, " decisions"]:
    """LOPE's term of each decision: v · (r − q̂(x, a)) + Σ_b π(b|x) q̂(x, b); its mean is the value.

    It needs short-term outcomes that carry what the action does to the long-term reward, up to what
    q̂ says of the action by itself; the surrogate index needs them to carry all. So q̂ is to be right
    in how actions differ *where the same was seen* (the source's conditional pairwise correctness):
    a model of the whole reward counts what outcomes carry twice.
    `evaluate.ope.paired_bootstrap.ranges` makes an interval of the terms summed by profile.

    Args:
        log: decisions with their long-term rewards.
        target: the target's probability of each action.

    Source: Saito, Abdollahpouri, Anderton, Carterette and Lalmas (2024), "Long-term Off-Policy
    Evaluation and Learning", WWW, equation 9.
    """
    own = log.estimated if log.direct is None else log.direct
    shown = own[np.arange(len(log.action)), log.action]
    weight = lope_weights(target, log.logged, log.posterior)
    return weight * (log.reward - shown) + (target * own).sum(1)


def at_level(
    direct: Float[np.ndarray, "decisions actions"],
    logged: Float[np.ndarray, "decisions actions"],
    estimated: Float[np.ndarray, "decisions actions"],
) -> Float[np.ndarray, "decisions actions"]:
    """Actions' own parts, at each decision's level by the model of the whole reward.

    What is the same for all actions of a decision moves no value, and takes its variance away.
    """
    level = (logged * (estimated - direct)).sum(1, keepdims=True)
    return direct + level


def surrogate_index(predicted: Float[np.ndarray, " decisions"]) -> float:
    """LCI: mean of E[r | x, s] over a short experiment under the target itself.

    Right only if short-term outcomes carry all that the action does; the gap to LOPE, beyond its
    interval, says that they do not.

    Source: Athey, Chetty, Imbens and Kang (2019), "The Surrogate Index", NBER 26463.
    """
    return float(np.mean(predicted))
