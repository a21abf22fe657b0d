"""Policies of which only a log is known, such as another system's: from its shares of choices."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.catalogue import Catalogue
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.estimate import Estimate
from evaluate.policies.judge import target_estimates
from evaluate.policies.logged_examples import LoggedExamples


def log_only_values(
    examples: pa.Table,
    catalogue: Catalogue,
    reference: pa.Table,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> dict[str, Estimate]:
    """What the policy behind another log would have earned on these examples.

    Its probabilities are its log's shares of choices by place on the page (column): shares and not
    its mean propensities, which are too high, since a choice is logged more often while it is
    likelier.

    Args:
        examples: as EXAMPLES.
        catalogue: that has every candidate.
        reference: examples of the other policy, on the same catalogue.
        bootstrap: of the intervals.
    """
    logged = LoggedExamples.of(examples, catalogue)
    ids = pa.array(catalogue.artwork_ids)
    shown = pc.index_in(reference["action"], value_set=ids).to_numpy()
    place, other = _places(reference), _places(logged.examples)
    shares = np.zeros((int(max(place.max(), other.max())) + 1, len(ids)))
    np.add.at(shares, (place, shown), 1.0)
    wanted = np.where(logged.valid, shares[other[:, None], logged.rows], 0.0) + logged.valid * 1e-9
    target = (wanted / wanted.sum(1, keepdims=True))[logged.valid]
    return target_estimates(logged, target, bootstrap=bootstrap)


def _places(examples: pa.Table) -> np.ndarray:
    column = examples["facts"].combine_chunks().field("column")
    return pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64)
