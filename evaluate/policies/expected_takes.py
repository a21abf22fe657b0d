"""What a simulated log knows of every candidate, beside the examples that came from it."""

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.errors import BadInput
from evaluate.policies.logged_examples import LoggedExamples, flattened, list_sizes, places


def expected_takes(expected: pa.Table, logged: LoggedExamples) -> Float[np.ndarray, " flat"]:
    """The true take of each candidate of each decision, flat.

    Args:
        expected: decision_id and the expected take of each candidate.
        logged: examples of the same log.

    Raises:
        BadInput: the truth is of another log.
    """
    ids = logged.examples["decision_id"].combine_chunks()
    rows = places(ids, expected["decision_id"].combine_chunks())
    if (rows < 0).any():
        name = ids[int((rows < 0).argmax())].as_py()
        raise BadInput(f"--truth knows no decision {name}; give the log the examples come from")
    takes = expected["expected"].take(pa.array(rows))
    wrong = list_sizes(takes) != np.diff(logged.feedback.offsets)
    if wrong.any():
        name = ids[int(wrong.argmax())].as_py()
        raise BadInput(
            f"--truth has other candidates of decision {name} than the examples; give their own log"
        )
    return flattened(takes).to_numpy()
