"""Bias, RMSE and coverage of each estimator on simulated logs with known truth."""

import sys

import numpy as np
from jaxtyping import Float

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED
from evaluate.ope.feedback import GROUPS, dense_feedback
from evaluate.ope.feedback_file import Batch
from evaluate.ope.reward_model import CrossFittedMeans

SEGMENTS, ACTIONS, EACH = 5, 6, 5
"""Kinds of profile, candidates of a decision, decisions a profile."""
LOGGING = ("random", "epsilon_greedy", "thompson")
SIZES = (500, 2000, 8000)
ROUNDS = 10
"""How often an adaptive policy learns within one log."""


def coverage(logs: int) -> dict[str, object]:
    """Table by logging policy, log size and distance of the target, and coverage over all.

    "near" is half uniform and half the best action of each segment, "far" always the best one.
    """
    rows: list[dict[str, object]] = []
    held: dict[str, list[bool]] = {name: [] for name in NAMES}
    trusted: dict[str, list[bool]] = {name: [] for name in NAMES}
    for logging in LOGGING:
        for size in SIZES:
            for distance in ("near", "far"):
                made, truths = [], []
                for seed in range(logs):
                    found, truth = one_log(logging, size, distance, seed)
                    made.append(found)
                    truths.append(truth)
                for name in NAMES:
                    row, inside = _summary([m[name] for m in made], np.array(truths))
                    held[name] += inside
                    pairs = zip(made, inside, strict=True)
                    trusted[name] += [i for m, i in pairs if m[name].believable]
                    labels = {"logging": logging, "decisions": size, "target": distance}
                    rows.append({**labels, "estimator": name, **row})
                print(logging, size, distance, file=sys.stderr)
    by_logging = {
        logging: {
            name: min(
                float(r["coverage"])  # pyright: ignore[reportArgumentType]
                for r in rows
                if r["logging"] == logging and r["estimator"] == name
            )
            for name in ("snips", "dr")
        }
        for logging in LOGGING
    }
    return {
        "logs": logs,
        "coverage": {name: float(np.mean(inside)) for name, inside in held.items()},
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
        chosen = (p.cumsum(1) < g.random((len(part), 1))).sum(1).clip(0, ACTIONS - 1)
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


def _summary(
    made: list[Estimate], truths: Float[np.ndarray, " logs"]
) -> tuple[dict[str, float], list[bool]]:
    values = np.array([m.value for m in made])
    error = values - truths
    inside = [m.low <= t <= m.high for m, t in zip(made, truths, strict=True)]
    width = float(np.mean([m.high - m.low for m in made]))
    return {
        "bias": float(np.nanmean(error)),
        "rmse": float(np.sqrt(np.nanmean(error**2))),
        "coverage": float(np.mean(inside)),
        "width": width,
    }, inside
