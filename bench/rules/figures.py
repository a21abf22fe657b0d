"""What lives under rules come to: breaches, mean weights, shares of floors and caps, estimates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bench.rules.lives import Lived
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import estimate

ESTIMATORS = ("ips", "snips", "dr")
TARGETS = ("uniform", "first")
"""Policies that are estimated: every candidate alike; always the first that is left."""


@dataclass(frozen=True)
class Share:
    """How often bounded artwork was shown, beside how often it should have been."""

    rows: int
    share: float
    stated: float
    z: float
    """Deviations between the two; the log's propensities are wrong where it is far from 0."""
    beyond: int
    """Rows whose stated probability lies outside its bound."""


def mean_weight(rows: Sequence[dict]) -> tuple[float, float, int]:
    """Of the uniform policy, with its standard error and its rows."""
    weights = [
        1 / (row["propensity"] * len(row["candidates"]))
        for row in rows
        if row["level"] == "personalised" and len(row["candidates"]) > 1
    ]
    return float(np.mean(weights)), float(np.std(weights) / len(weights) ** 0.5), len(weights)


def bounded_shares(lived: Lived) -> dict[str, Share]:
    """Floors and caps beside what was shown."""
    shares = {}
    for kind in ("floors", "caps"):
        hits, stated, beyond = [], [], 0
        for row, wanted in zip(lived.rows, lived.wanted, strict=True):
            bounds = getattr(wanted, kind)
            if row["level"] != "personalised" or len(row["candidates"]) < 2:
                continue
            for rank, share in bounds.items():
                name = row["candidates"][wanted.candidates.index(rank)]
                chance = row["probabilities"][wanted.candidates.index(rank)]
                hits.append(row["action"] == name)
                stated.append(chance)
                beyond += chance < share if kind == "floors" else chance > share
        p = np.array(stated)
        spread = float(np.sqrt((p * (1 - p)).sum())) or 1.0
        z = float((np.sum(hits) - p.sum()) / spread)
        shares[kind] = Share(len(p), float(np.mean(hits)), float(p.mean()), round(z, 2), beyond)
    return shares


@dataclass(frozen=True)
class Held:
    """One estimate beside the truth."""

    target: str
    estimator: str
    value: float
    truth: float
    held: bool


def held_estimates(rows: Sequence[dict], seed: int) -> list[Held]:
    """Estimates of two policies from a log with rewards, beside what they are worth on it."""
    rng = np.random.default_rng([seed, 3])
    worth: dict[str, float] = {}
    for row in rows:
        for name in row["candidates"]:
            if name not in worth:
                own = np.random.default_rng([seed, 4, *name.encode()])
                worth[name] = float(own.uniform(0.05, 0.35))
    rewards = [float(rng.random() < worth[row["action"]]) for row in rows]
    drawn = [row["level"] == "personalised" for row in rows]
    found = []
    for target in TARGETS:
        wanted = [_chances(target, len(row["candidates"])) for row in rows]
        values = [
            sum(p * worth[name] for p, name in zip(chances, row["candidates"], strict=True))
            for row, chances in zip(rows, wanted, strict=True)
        ]
        truth = float(np.mean([value for value, its in zip(values, drawn, strict=True) if its]))
        columns = ("decision_id", "profile_id", "candidates", "action", "propensity", "level")
        table = pa.table(
            {name: [row[name] for row in rows] for name in (*columns, "probabilities")}
            | {"reward": rewards, "target_probabilities": wanted}
        )
        for name, each in estimate(table, ESTIMATORS, bootstrap=Bootstrap(400)).items():
            held = each.low <= truth <= each.high
            found.append(Held(target, name, each.value, truth, bool(held)))
    return found


def _chances(target: str, count: int) -> list[float]:
    if target == "uniform":
        return [1 / count] * count
    return [1.0, *[0.0] * (count - 1)]
