"""Training in two processes beside one: seconds, and how far the results are apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from safetensors.numpy import load_file

from bench.training.log import repeated
from data.bundle import Bundle
from data.catalogue import Catalogue
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities


def beside_one(
    run: Callable[..., dict[str, Any]], base: pa.Table, count: int, at: Path, catalogue: Path
) -> dict[str, Any]:
    """The same training in one process and in two, on the CPU.

    Args:
        run: train.py on a folder of examples, with further options.
        base: examples to repeat.
        count: examples.
        at: folder for them.
        catalogue: of the examples.
    """
    examples = at / "shared"
    repeated(base, count, 4, examples)
    runs = [run(examples, "--fit.devices", devices) for devices in (1, 2)]
    one, two = (load_file(Bundle.open(r["bundle"]).file("weights.safetensors")) for r in runs)
    apart = max(float(np.abs(one[n].astype(float) - two[n]).max(initial=0)) for n in one)
    some = ds.dataset(examples).head(min(count, 2000))
    read = Catalogue.read(catalogue)
    logged = LoggedExamples.of(some, read)
    policies = PolicyProbabilities(logged, at / "cache")
    told = [policies(f"{r['bundle']}:thompson") for r in runs]
    best = [policies(f"{r['bundle']}:greedy") for r in runs]
    losses = [Bundle.open(r["bundle"]).manifest["metrics"]["towers_loss"] for r in runs]
    return {
        "examples": count,
        "seconds": [r["seconds"] for r in runs],
        "cpu_seconds": [r["cpu_seconds"] for r in runs],
        "towers_loss": losses,
        "largest_weight_difference": apart,
        "mean_probability_difference": float(np.abs(told[0] - told[1]).mean()),
        "greedy_choices_that_differ": float(np.abs(best[0] - best[1]).sum() / 2 / len(some)),
    }
