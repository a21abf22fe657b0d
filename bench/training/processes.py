"""Training in two processes beside one: seconds, and how far the results are apart."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from safetensors.numpy import load_file

from bench.training.log import repeated
from bench.training.runs import Runs
from data.bundle import Bundle
from data.catalogue import Catalogue
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities


def beside_one(
    run: Runs, base: pa.Table, count: int, at: Path, catalogue: Path
) -> dict[str, object]:
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
    bundles = [Bundle.open(done.bundle) for done in runs if done.bundle is not None]
    one, two = (load_file(bundle.file("weights.safetensors")) for bundle in bundles)
    apart = max(float(np.abs(one[n].astype(float) - two[n]).max(initial=0)) for n in one)
    first = ds.dataset(examples).head(min(count, 2000))
    logged = LoggedExamples.every(first, Catalogue.read(catalogue))
    policies = PolicyProbabilities(logged, at / "cache")
    thompson = [policies(f"{bundle.root}:thompson") for bundle in bundles]
    greedy = [policies(f"{bundle.root}:greedy") for bundle in bundles]
    return {
        "examples": count,
        "seconds": [done.seconds for done in runs],
        "cpu_seconds": [done.cpu_seconds for done in runs],
        "towers_loss": [bundle.manifest.metrics["towers_loss"] for bundle in bundles],
        "largest_weight_difference": apart,
        "mean_probability_difference": float(np.abs(thompson[0] - thompson[1]).mean()),
        "greedy_choices_that_differ": float(np.abs(greedy[0] - greedy[1]).sum() / 2 / len(first)),
    }
