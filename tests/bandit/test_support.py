"""Which rows of a log may be weighted."""

import numpy as np
import pytest

from bandit.support import has_support


@pytest.mark.parametrize(
    ("propensity", "candidates", "personalised", "least", "supported"),
    [
        (0.5, 2, True, np.nan, True),  # drawn, probabilities not kept
        (0.5, 2, True, 0.1, True),
        (0.5, 2, False, 0.1, True),  # another level, but it says what it drew from
        (0.5, 2, False, np.nan, False),  # another level, and nobody knows
        (0.5, 3, True, 0.0, False),  # a candidate that could not be drawn
        (1.0, 2, True, np.nan, False),  # an editor's pick under the policy's name
        (1.0, 6, False, np.nan, False),  # a fallback
        (1.0, 1, False, np.nan, True),  # nothing to choose
        (1.0, 1, True, 1.0, True),
    ],
)
def test_only_what_was_drawn_supports_estimates(
    propensity, candidates, personalised, least, supported
):
    row = has_support(
        np.array([propensity]), np.array([candidates]), np.array([personalised]), np.array([least])
    )
    assert row.tolist() == [supported]
