"""Logs of a known policy whose other policy's true value is known exactly."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bandit.choice import choose
from evaluate.ope.feedback import Feedback, dense_feedback
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.reward_model import CrossFittedMeans
from evaluate.ope.support import EVERY_ROW, Support

KINDS, CANDIDATES = 5, 6
"""Kinds of title, and candidates of each decision."""
TASTE = (0.2, 1.8)
"""How much more or less than the mean a profile takes: evenly between."""
DRAWN = 0.1
"""Share of a rule's log that was drawn."""
LEAN, NEAR = 0.95, 0.5
"""Share of decisions in which the target takes its favourite; the rest are even."""
MINUTES, SPREAD = 20.0, 0.8
"""Median minutes of a take, where rewards are minutes, and the spread of their logarithm."""

LogKind = Literal["even", "near", "explored", "skewed", "rule", "minutes"]
EPSILON: dict[LogKind, float] = {"explored": 0.3, "skewed": 0.05}
"""How evenly logs were drawn; others quite evenly. The target is never on the log's favourite."""


class LogSetting(NamedTuple):
    """One kind of log."""

    rows: int
    base: float
    """Mean take fraction."""
    log: LogKind
    heavy: bool
    """Whether a few profiles make most decisions (Pareto 1.1); else each makes one."""

    def words(self) -> str:
        """As a table shows it."""
        use = ", heavy use" if self.heavy else ""
        return f"{self.rows:,} rows, base {self.base:.1%}, {self.log}{use}"


@dataclass(frozen=True)
class KnownLog:
    """A log, and what the target is worth."""

    feedback: Feedback
    support: Support
    clustered: bool
    truth: float


def known_log(setting: LogSetting, seed: int) -> KnownLog:
    """A log of a world drawn anew.

    Of a rule's log only what was drawn is in the feedback, and the truth is that of these pages.
    """
    g = np.random.default_rng([seed, setting.rows, int(setting.base * 1e4)])
    rows = int(setting.rows * DRAWN) if setting.log == "rule" else setting.rows
    relative = np.exp(g.normal(0, 0.4, (KINDS, CANDIDATES)))
    relative = np.minimum(relative / relative.mean(), 3.0)
    favourite = g.integers(0, CANDIDATES, KINDS)
    others = relative.copy()
    others[np.arange(KINDS), favourite] = -1
    target = _leaning(others.argmax(1), NEAR if setting.log == "near" else LEAN)
    logging = _leaning(favourite, 1 - EPSILON.get(setting.log, 1.0))
    profile = _profiles(rows, g) if setting.heavy else np.arange(rows)
    taste = g.uniform(*TASTE, int(profile.max()) + 1)[profile]
    kind = g.integers(0, KINDS, rows)
    action = choose(logging[kind], g.random(rows))
    reward = (g.random(rows) < setting.base * taste * relative[kind, action]).astype(float)
    truth = float(setting.base * (target * relative).sum(1).mean())
    if setting.log == "minutes":
        reward = reward * g.lognormal(np.log(MINUTES), SPREAD, rows)
        truth *= MINUTES * np.exp(SPREAD**2 / 2)
    chances = target[kind], logging[kind, action]
    feedback = _modelled(action, reward, *chances, profile)
    support = EVERY_ROW
    if setting.log == "rule":
        left_out = {"level rule": setting.rows - rows}
        support = Support(setting.rows, rows, left_out)
    return KnownLog(feedback, support, setting.heavy, truth)


def _leaning(favourite: Int[np.ndarray, " kinds"], share: float) -> Float[np.ndarray, "kinds all"]:
    return share * np.eye(CANDIDATES)[favourite] + (1 - share) / CANDIDATES


def _profiles(rows: int, g: np.random.Generator) -> Int[np.ndarray, " rows"]:
    """Who made each decision, where a few make most of them."""
    uses = np.ceil(g.pareto(1.1, rows) + 1e-9).astype(np.int64)
    return np.repeat(np.arange(rows), np.minimum(uses, rows // 20))[:rows]


def _modelled(
    action: Int[np.ndarray, " rows"],
    reward: Float[np.ndarray, " rows"],
    target: Float[np.ndarray, "rows candidates"],
    propensity: Float[np.ndarray, " rows"],
    profile: Int[np.ndarray, " rows"],
) -> Feedback:
    """With the rewards that `estimate` itself models."""
    plain = dense_feedback(action, reward, propensity, target, None, profile)
    codes = np.tile(np.arange(CANDIDATES), len(action))
    batch = Batch(plain, 0, np.zeros(0), list(range(CANDIDATES)), codes)
    modelled = CrossFittedMeans().learn([batch]).predict(batch).reshape(target.shape)
    return dense_feedback(action, reward, propensity, target, modelled, profile)
