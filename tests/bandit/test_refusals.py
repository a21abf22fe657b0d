"""What no policy can go by is refused, with its value and where it stands."""

import numpy as np
import pytest

from bandit.counts import BetaCounts
from bandit.exp3 import Exp3
from bandit.linear import LinearPosterior
from bandit.squarecb import squarecb

NONE, BOTH = np.zeros((1, 2)), np.ones((1, 2), bool)
COUNTS = BetaCounts.empty(2, 3)
NEGATIVE = "^takes and misses are counts: none may be negative$"
SHAPES = r"^takes have shape \(1, 2\), misses \(1, 3\); both must be the same \(rows, candidates\)$"


def seen(row=1, action=2, reward=1.0, keep=1.0):
    rows, actions = np.array([0, row]), np.array([0, action])
    return COUNTS.update(rows, actions, np.array([0.0, reward]), keep)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: BetaCounts(NONE, np.zeros((1, 3))), SHAPES),
        (lambda: BetaCounts(NONE[0], NONE[0]), r"shape \(2,\)"),
        (lambda: BetaCounts(NONE - 1, NONE), NEGATIVE),
        (lambda: BetaCounts(NONE, NONE - 0.5), NEGATIVE),
        (
            lambda: BetaCounts.empty(1, 2, 0.0),
            r"^the prior is Beta\(0.0, 1.0\); both parameters must be above 0$",
        ),
        (lambda: BetaCounts.empty(1, 2, 1.0, -1.0), r"Beta\(1.0, -1.0\)"),
        (lambda: COUNTS.quantile(1.5), "asked for is 1.5; it must be from 0 to 1"),
        (lambda: COUNTS.quantile(-0.1), "asked for is -0.1"),
        (lambda: seen(row=2), "impression 1 has row 2, but the table has 2"),
        (lambda: seen(row=-1), "impression 1 has row -1"),
        (lambda: seen(action=3), "impression 1 has action 3, but the table has 3"),
        (lambda: seen(action=-1), "impression 1 has action -1"),
        (lambda: seen(reward=1.5), "impression 1 has reward 1.5"),
        (lambda: seen(reward=-0.5), "impression 1 has reward -0.5"),
        (lambda: seen(reward=np.nan), "impression 1 has reward nan"),
        (lambda: seen(keep=1.5), "keep is 1.5; it is a share"),
        (lambda: seen(keep=-0.5), "keep is -0.5"),
        (lambda: Exp3(NONE, 0.0, 0.1), "rate is 0.0; it must be above 0"),
        (lambda: Exp3(NONE, 0.1, 1.5), "epsilon is 1.5; it is a probability"),
        (lambda: Exp3(NONE, 0.1, -0.5), "epsilon is -0.5"),
        (lambda: LinearPosterior.prior(2, 0.0), "ridge is 0.0"),
        (lambda: LinearPosterior.prior(2, 1.0, 0.0), "noise 0.0; both must be above 0"),
        (
            lambda: LinearPosterior.prior(2).update(np.ones((1, 2)), np.ones(1), 1.5),
            "forget is 1.5; it is a factor from 0 to 1",
        ),
        (lambda: squarecb(NONE, BOTH, -1.0), "gamma is -1.0; it must be 0 or above"),
        (lambda: squarecb(NONE, BOTH, np.nan), "gamma is nan"),
        (
            lambda: squarecb(np.array([[0, 0], [0, np.nan]]), np.ones((2, 2), bool), 1.0),
            "row 1 has a value of NaN for a valid candidate",
        ),
    ],
)
def test_it_is_refused(ask, said):
    with pytest.raises(ValueError, match=said):
        ask()


def test_the_ends_of_what_is_allowed_are_allowed():
    assert (COUNTS.quantile(0.0) == 0).all()
    assert (COUNTS.quantile(1.0) == 1).all()
    assert seen(reward=1.0, keep=0.0).takes.tolist() == [[0, 0, 0], [0, 0, 1]]
    for epsilon in (0.0, 1.0):
        assert Exp3(NONE, 0.1, epsilon).epsilon == epsilon
    uniform = squarecb(np.array([[0.9, 0.1]]), BOTH, 0.0)
    np.testing.assert_allclose(uniform, [[0.5, 0.5]])
    unknown = squarecb(np.array([[0.2, np.nan]]), np.array([[True, False]]), 1.0)
    np.testing.assert_array_equal(unknown, [[1, 0]])
