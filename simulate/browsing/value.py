"""What decisions were worth by the truth: value and regret of a day, of a page, of a log."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from bandit.simple import uniform_value
from simulate.browsing.day import Outcomes
from simulate.regret import regret


class Value(NamedTuple):
    """Sums over the decisions that were rendered; all but the counts are expected takes."""

    impressions: int
    plays: int
    takes: int
    expected: float
    """Of what was shown."""
    uniform: float
    """Of a candidate drawn evenly."""
    oracle: float
    """Of the best candidate."""
    regret: float
    """What the best candidates had more than what was shown."""
    uniform_regret: float
    """What they had more than candidates drawn evenly."""


def value_of(
    takes: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    outcomes: Outcomes,
) -> Value:
    """What came of decisions, and what was expected of them.

    Args:
        takes: expected take of each candidate, 0 where invalid.
        valid: which candidates there are.
        outcomes: of the same decisions.
    """
    rendered = outcomes.rendered
    takes, valid = takes[rendered], valid[rendered]
    chosen = takes[np.arange(len(takes)), outcomes.choice[rendered]]
    even = uniform_value(takes, valid)
    return Value(
        impressions=int(rendered.sum()),
        plays=int(outcomes.played.sum()),
        takes=int(outcomes.taken.sum()),
        expected=float(chosen.sum()),
        uniform=float(even.sum()),
        oracle=float(takes.max(-1).sum()),
        regret=float(regret(takes, valid, chosen).sum()),
        uniform_regret=float(regret(takes, valid, even).sum()),
    )
