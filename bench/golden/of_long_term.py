"""Folders `lope`: long-term values of each policy that the problem names."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from bench.golden.folder import PROBLEM, Arrays, needed
from evaluate.longterm.lope import LongTermLog, lope_terms, surrogate_index
from evaluate.ope.estimators.doubly_robust import dr
from evaluate.ope.estimators.weighting import ips


def long_term_values(folder: Path, arrays: Arrays) -> dict[str, object]:
    """Target → estimator → value: each policy `pi_…`, and each `action_…` that does not draw."""
    source = folder / PROBLEM
    logged = needed(arrays, "pi_logged", source)
    targets = {n.removeprefix("pi_"): a for n, a in arrays.items() if n.startswith("pi_")}
    for name, actions in arrays.items():
        if name.startswith("action_"):
            targets[name.removeprefix("action_")] = np.eye(logged.shape[1])[actions]
    return {name: _values(name, target, arrays, source) for name, target in targets.items()}


def _values(
    name: str, target: Float[np.ndarray, "decisions actions"], arrays: Arrays, source: Path
) -> dict[str, float]:
    posteriors = {"lope": "p_hat", "lope_exact_posterior": "p_exact"}
    logs = {
        key: LongTermLog(
            action=needed(arrays, "action", source).astype(np.int64),
            reward=needed(arrays, "long_term", source),
            logged=needed(arrays, "pi_logged", source),
            posterior=arrays[posterior],
            estimated=needed(arrays, "q_hat", source),
        )
        for key, posterior in posteriors.items()
        if posterior in arrays
    }
    values: dict[str, float] = {}
    for log in list(logs.values())[:1]:
        feedback = log.feedback(target)
        for estimator in (ips(), dr()):
            values[estimator.name] = float(estimator.value(estimator.terms(feedback).sum(0)))
    values |= {key: float(lope_terms(log, target).mean()) for key, log in logs.items()}
    experiment = f"experiment_{name}_"
    if f"{experiment}g_hat" in arrays:
        values["lci"] = surrogate_index(arrays[f"{experiment}g_hat"])
    if f"{experiment}long_term" in arrays:
        values["long_term_experiment"] = float(arrays[f"{experiment}long_term"].mean())
    return values
