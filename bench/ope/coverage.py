"""Bias, RMSE and coverage of each estimator on simulated logs with known truth."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bandit.choice import choose
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED
from evaluate.ope.feedback import GROUPS, dense_feedback
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.reward_model import CrossFittedMeans

SEGMENTS, ACTIONS, EACH = 5, 6, 5
"""Kinds of profile, candidates of a decision, decisions a profile."""
LOGGING = ("random", "epsilon_greedy", "thompson")
SIZES = (500, 2000, 8000)
ROUNDS = 10
"""How often an adaptive policy learns within one log."""


@dataclass(frozen=True)
class CoverageRow:
    """How far an estimator is from the truth, over logs of one setting."""

    logging: str
    decisions: int
    target: str
    estimator: str
    bias: float
    rmse: float
    coverage: float
    """Share of the 95% intervals that hold the truth; NaN where there is none."""
    width: float
    """Of the interval."""


def coverage(logs: int, sizes: Sequence[int] = SIZES) -> dict[str, object]:
    """Table by logging policy, log size and distance of the target, and coverage over all.

    "near" is half uniform and half the best action of each segment, "far" always the best one.
    """
    rows: list[CoverageRow] = []
    held: dict[str, list[bool]] = {name: [] for name in NAMES}
    trusted: dict[str, list[bool]] = {name: [] for name in NAMES}
    for logging in LOGGING:
        for size in sizes:
            for distance in ("near", "far"):
                simulated = [one_log(logging, size, distance, seed) for seed in range(logs)]
                truths = np.array([truth for _, truth in simulated])
                for name in NAMES:
                    estimates = [one[name] for one, _ in simulated]
                    row, inside = _row((logging, size, distance), name, estimates, truths)
                    rows.append(row)
                    pairs = list(zip(estimates, inside, strict=True))
                    held[name] += [holds for one, holds in pairs if one.interval != "none"]
                    trusted[name] += [holds for one, holds in pairs if one.believable]
                print(logging, size, distance, file=sys.stderr)
    by_logging = {
        logging: {
            name: min(r.coverage for r in rows if (r.logging, r.estimator) == (logging, name))
            for name in ("snips", "dr")
        }
        for logging in LOGGING
    }
    return {
        "logs": logs,
        "coverage": {name: float(np.mean(inside)) for name, inside in held.items() if inside},
        "coverage_where_believable": {n: float(np.mean(i)) for n, i in trusted.items() if i},
        "least_coverage": by_logging,
        "table": rows,
    }


def one_log(logging: str, size: int, distance: str, seed: int) -> tuple[dict[str, Estimate], float]:
    """Estimates from one simulated log, and the target's true value."""
    g = np.random.default_rng([seed, size, LOGGING.index(logging)])
    mean = g.beta(2, 8, (SEGMENTS, ACTIONS))
    target = np.eye(ACTIONS)[mean.argmax(1)]
    if distance == "near":
        target = 0.5 * target + 0.5 / ACTIONS
    profiles = size // EACH
    segment = g.integers(0, SEGMENTS, profiles).repeat(EACH)
    # Profiles differ within a segment, so decisions of one are not independent.
    eager = g.uniform(0.5, 1.5, profiles).repeat(EACH)
    order = g.permutation(size)
    segment, eager, profile = segment[order], eager[order], np.arange(size)[order] // EACH
    wins, plays = np.zeros((SEGMENTS, ACTIONS)), np.zeros((SEGMENTS, ACTIONS))
    action, reward = np.zeros(size, dtype=np.int64), np.zeros(size)
    propensity = np.zeros(size)
    for part in np.array_split(np.arange(size), ROUNDS):
        p = _policy(logging, wins, plays, g)[segment[part]]
        chosen = choose(p, g.random(len(part)))
        action[part], propensity[part] = chosen, p[np.arange(len(part)), chosen]
        take = mean[segment[part], chosen] * eager[part]
        reward[part] = g.random(len(part)) < np.minimum(take, 1)
        np.add.at(plays, (segment[part], chosen), 1)
        np.add.at(wins, (segment[part], chosen), reward[part])
    feedback = dense_feedback(
        action, reward, propensity, target[segment], None, profile.astype(np.int64) % GROUPS
    )
    batch = Batch(feedback, 0, np.zeros(0), list(range(ACTIONS)), np.tile(np.arange(ACTIONS), size))
    modelled = CrossFittedMeans().learn([batch]).predict(batch).reshape(size, ACTIONS)
    feedback = dense_feedback(action, reward, propensity, target[segment], modelled, feedback.group)
    estimators = [PLAIN[n]() if n in PLAIN else TUNED[n](DEFAULTS[n]) for n in NAMES]
    # min(·, 1) never binds often enough to matter: E[eager] = 1 and means are Beta(2, 8).
    grid = np.linspace(0.5, 1.5, 201)
    expected = np.minimum(mean[..., None] * grid, 1).mean(-1)
    truth = float((target * expected).sum(1).mean())
    return estimate_feedback([feedback], estimators, bootstrap=Bootstrap(seed=seed)), truth


def _policy(
    logging: str,
    wins: Float[np.ndarray, "segments actions"],
    plays: Float[np.ndarray, "segments actions"],
    g: np.random.Generator,
) -> Float[np.ndarray, "segments actions"]:
    """Probabilities of each segment: uniform, 0.2-greedy, or votes of 50 posterior draws."""
    if logging == "random":
        return np.full((SEGMENTS, ACTIONS), 1 / ACTIONS)
    if logging == "epsilon_greedy":
        greedy = np.eye(ACTIONS)[((wins + 1) / (plays + 5)).argmax(1)]
        return 0.8 * greedy + 0.2 / ACTIONS
    draws = g.beta(1 + wins, 4 + plays - wins, (50, SEGMENTS, ACTIONS))
    votes = np.eye(ACTIONS)[draws.argmax(-1)].mean(0)
    return 0.9 * votes + 0.1 / ACTIONS


def _row(
    setting: tuple[str, int, str],
    estimator: str,
    estimates: list[Estimate],
    truths: Float[np.ndarray, " logs"],
) -> tuple[CoverageRow, list[bool]]:
    """Of an estimator in a setting, and whether each log's interval holds the truth."""
    error = np.array([one.value for one in estimates]) - truths
    inside = [one.low <= truth <= one.high for one, truth in zip(estimates, truths, strict=True)]
    widths = [one.high - one.low for one in estimates if one.interval != "none"]
    row = CoverageRow(
        *setting,
        estimator=estimator,
        bias=float(np.nanmean(error)),
        rmse=float(np.sqrt(np.nanmean(error**2))),
        coverage=sum(inside) / len(widths) if widths else np.nan,
        width=float(np.mean(widths)) if widths else np.nan,
    )
    return row, inside
