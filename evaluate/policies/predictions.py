"""What a bundle predicted for what was shown: the take of each logged example."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from data.bundle import Bundle
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities
from evaluate.policies.read_examples import read_examples


def predicted_takes(
    bundle: Path | str, examples: Path | str, catalogue: Path | str | None = None
) -> pa.Table:
    """Columns decision_id and predicted_take, of the decisions that the bundle made.

    Where it made none of them, of all: so a new bundle can be checked on an old log.

    Args:
        bundle: its folder, or what leads to it.
        examples: joined examples, or a folder of them.
        catalogue: of the examples; a folder catalogue in or beside them if None.

    Raises:
        BadInput: examples, catalogue and bundle do not fit each other.
    """
    where = find_catalogue(examples, catalogue)
    table = read_examples(examples, where)
    if "bundle" in table.schema.names:
        own_id = Bundle.open(bundle).bundle_id
        own = np.array([b == own_id for b in table["bundle"].to_pylist()], bool)
        table = table.filter(pa.array(own)) if own.any() else table
    name = str(bundle)
    with cache_folder(None) as folder:
        scored = open_bundle_scores(name, where, folder)
        logged = LoggedExamples.every(table, where, scored.left_out)
        takes = PolicyProbabilities(logged, folder, {name: scored}).takes(name)
    return pa.table({"decision_id": logged.examples["decision_id"], "predicted_take": takes})
