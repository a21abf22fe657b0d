"""Days of a live policy as a log, sound or with one planted fault."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int
from scipy.special import expit

from data.records import DECISIONS

PROFILES = 700
TOGETHER = 0.5
"""Deviation of what a profile's takes have in common, in logits."""
TOO_HIGH = 1.1
"""Predictions over what they should be, where they are at fault."""
FAULTY_DAYS = 7
"""Within which a fault should be found."""
START = np.datetime64("2026-01-01T00:00:00", "us")
COUNTRIES, DEVICES, SURFACES = ["GB", "FR", "JP"], ["tv", "phone", "web"], ["home", "search"]


class Service(NamedTuple):
    """What is simulated."""

    seed: int
    days: int
    candidates: int = 4
    epsilon: float = 0.0  # one best candidate and the rest even; 0: by taste, softly
    fault: str = ""
    decisions: int = 2_000  # a day
    use: float = 0.0  # Pareto index of how much profiles come; 0: evenly


FAULTS = {
    "propensities sharper by 5%": {"propensity_shares", "propensity_week"},
    "5% served uniformly": {"propensity_shares", "propensity_week"},
    "predictions 10% too high": {"takes_of_predicted", "calibration_error"},
    "20% of devices recorded as another": {"drift_device"},
    "policy 30% worse than uniform": {"lift_over_uniform"},
}
"""Fault → the checks that should see it."""


class Days(NamedTuple):
    """What was decided and earned."""

    rng: np.random.Generator
    day: Int[np.ndarray, " decisions"]
    profile: Int[np.ndarray, " decisions"]
    told: Float[np.ndarray, "decisions candidates"]
    shown: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    predicted: Float[np.ndarray, " decisions"]


def write_service(service: Service, folder: Path) -> tuple[str, str]:
    """Write decisions and examples with predictions; where they are."""
    days = days_of(service)
    decisions = _table(service, days)
    names = ["decision_id", "time", "profile_id", "candidates", "action", "propensity"]
    examples = decisions.select([*names, "policy", "bundle"])
    for name, values in (("reward", days.reward), ("predicted_take", days.predicted)):
        examples = examples.append_column(name, pa.array(values))
    where = folder / "decisions.parquet", folder / "examples.parquet"
    for table, path in zip((decisions, examples), where, strict=True):
        pq.write_table(table, path)
    return str(where[0]), str(where[1])


def days_of(service: Service) -> Days:
    """Simulate it.

    The fault begins on the second day: the first is what facts are compared with.
    """
    g = np.random.default_rng(service.seed)
    size, count = service.days * service.decisions, service.candidates
    day = np.repeat(np.arange(service.days), service.decisions)
    late = day > 0
    busy = g.pareto(service.use, PROFILES) + 1 if service.use else np.ones(PROFILES)
    profile = g.choice(PROFILES, size, p=busy / busy.sum())
    # Predictions are right on average, but what a profile takes goes together.
    bias = g.normal(0, TOGETHER, PROFILES)[profile, None]
    guess = -1.9 + g.normal(0, 0.4, (size, count))
    take = expit(guess + bias)
    told = _chances(guess, service)
    drawn = told
    if service.fault == "propensities sharper by 5%":
        sharper = told**1.05
        drawn = np.where(late[:, None], sharper / sharper.sum(1, keepdims=True), told)
    elif service.fault == "5% served uniformly":
        drawn = np.where(late[:, None], 0.95 * told + 0.05 / count, told)
    elif service.fault == "policy 30% worse than uniform":
        take = _taken_less_where_likely(take, told)
    rows = np.arange(size)
    shown = (drawn.cumsum(1) < g.random((size, 1))).sum(1).clip(0, count - 1)
    reward = (g.random(size) < take[rows, shown]).astype(float)
    predicted = expit(guess)[rows, shown]
    predicted *= take.mean() / expit(guess).mean()
    if service.fault == "predictions 10% too high":
        predicted = np.where(late, TOO_HIGH * predicted, predicted)
    return Days(g, day, profile, told, shown, reward, predicted)


def _taken_less_where_likely(
    take: Float[np.ndarray, "decisions candidates"],
    told: Float[np.ndarray, "decisions candidates"],
) -> Float[np.ndarray, "decisions candidates"]:
    """Takes of the same mean over candidates, of which the policy gets 30% less than that mean."""
    even = 1 / take.shape[1]
    uneven = (told**2).sum(1, keepdims=True) - even  # 0: it draws evenly, and can be no worse
    slope = 0.3 / np.maximum(uneven, 0.05)
    return take.mean(1, keepdims=True) * np.maximum(1 + slope * (even - told), 0)


def _chances(
    guess: Float[np.ndarray, "decisions candidates"], service: Service
) -> Float[np.ndarray, "decisions candidates"]:
    if not service.epsilon:
        soft = np.exp(6 * (guess - guess.max(1, keepdims=True)))
        return 0.95 * soft / soft.sum(1, keepdims=True) + 0.05 / service.candidates
    chances = np.full(guess.shape, service.epsilon / service.candidates)
    chances[np.arange(len(guess)), guess.argmax(1)] += 1 - service.epsilon
    return chances


def _table(service: Service, days: Days) -> pa.Table:
    """Decisions in the public format."""
    g, day, profile, told, shown = days[:5]
    size, count = told.shape
    habit = g.dirichlet([2.0] * len(DEVICES), PROFILES)
    device = (habit[profile].cumsum(1) < g.random((size, 1))).sum(1).clip(0, len(DEVICES) - 1)
    if service.fault == "20% of devices recorded as another":
        device = np.where((day > 0) & (g.random(size) < 0.2), 1, device)
    facts = {
        "country": np.array(COUNTRIES)[g.integers(0, 3, PROFILES)[profile]],
        "device": np.array(DEVICES)[device],
        "surface": np.array(SURFACES)[(g.random(size) < 0.3).astype(int)],
        "tenure_days": g.exponential(300, PROFILES)[profile].astype(np.float32),
    }
    struct = DECISIONS.field("facts").type
    fields = [
        pa.array(facts[f.name], f.type) if f.name in facts else pa.nulls(size, f.type)
        for f in struct
    ]
    names = np.array([f"a{k}" for k in range(count)])
    offsets = np.arange(0, size * count + 1, count, dtype=np.int32)
    columns = {
        "schema_version": np.full(size, 1),
        "decision_id": [f"{n:032x}" for n in range(size)],
        "time": START + day.astype("timedelta64[D]") + g.integers(0, 86_400, size).astype("m8[s]"),
        "profile_id": np.char.add("p", profile.astype(str)),
        "title_id": g.integers(0, 40, size),
        "facts": pa.StructArray.from_arrays(fields, fields=list(struct)),
        "candidates": pa.ListArray.from_arrays(offsets, pa.array(np.tile(names, size))),
        "action": names[shown],
        "propensity": told[np.arange(size), shown],
        "probabilities": pa.ListArray.from_arrays(offsets, pa.array(told.ravel())),
        "policy": ["thompson"] * size,
        "bundle": ["b1"] * size,
        "seed": np.arange(1, size + 1),
        "level": ["personalised"] * size,
    }
    arrays = [
        pa.nulls(size, f.type)
        if f.name not in columns
        else columns[f.name].cast(f.type)
        if isinstance(columns[f.name], pa.Array)
        else pa.array(columns[f.name]).cast(f.type)
        for f in DECISIONS
    ]
    return pa.Table.from_arrays(arrays, schema=DECISIONS)
