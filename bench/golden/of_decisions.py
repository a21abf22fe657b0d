"""Folders `ope`: off-policy values of decisions, for each target policy."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from bench.golden.folder import PROBLEM, Arrays, asked_of, needed
from evaluate.ope.estimators import DEFAULTS, NAMES, TUNED
from evaluate.ope.estimators.by_name import estimators_by_name
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.feedback_sums import FeedbackSums

WITH_LAMBDA = re.compile(r"(\w+?)_lambda_(.+)")


def decision_values(folder: Path, arrays: Arrays) -> dict[str, object]:
    """Target → estimator → value; `evaluation_probabilities` are those of the target stochastic."""
    source, asked = folder / PROBLEM, asked_of(folder)
    suffix = "_probabilities"
    targets = {
        name.removesuffix(suffix).replace("evaluation", "stochastic"): values
        for name, values in arrays.items()
        if name.endswith(suffix) and name != f"logging{suffix}"
    }
    values: dict[str, object] = {}
    for target, probabilities in targets.items():
        named = asked.get(target)
        names = list(named) if isinstance(named, Mapping) else _usual(probabilities)
        values[target] = _values(arrays, source, probabilities, names)
    return values


def _usual(probabilities: Float[np.ndarray, "decisions actions"]) -> list[str]:
    """Every estimator with its default λ; replay where the target does not draw."""
    drawn = not np.isin(probabilities, (0, 1)).all()
    names = [name for name in NAMES if not (drawn and name == "replay")]
    return [f"{name}_lambda_{DEFAULTS[name]:g}" if name in TUNED else name for name in names]


def _values(
    arrays: Arrays,
    source: Path,
    probabilities: Float[np.ndarray, "decisions actions"],
    names: list[str],
) -> dict[str, float]:
    keys: list[str] = []
    chosen = []
    for name in names:
        match = WITH_LAMBDA.fullmatch(name)
        stem = match[1] if match else name
        if stem not in NAMES:
            continue  # a true value, or a size
        lambdas = {stem: float(match[2])} if match else {}
        chosen += estimators_by_name([stem], lambdas)
        keys.append(name)
    estimated = arrays.get("estimated_rewards")
    if estimated is None:
        kept = [at for at, each in enumerate(chosen) if not each.needs_model]
        keys, chosen = [keys[at] for at in kept], [chosen[at] for at in kept]
    feedback = dense_feedback(
        needed(arrays, "action", source).astype(np.int64),
        needed(arrays, "reward", source).astype(np.float64),
        needed(arrays, "pscore", source),
        probabilities.astype(np.float64),
        estimated,
    )
    log = FeedbackSums.of([feedback], chosen)
    parts = zip(keys, chosen, log.columns[1:], strict=True)
    return {key: float(each.value(log.sums[:, part].sum(0))) for key, each, part in parts}
