import numpy as np
import pytest

from bench.learning.drift import drift
from bench.learning.nightly import Memory, Nightly, nights
from bench.learning.stage import View
from data.errors import BadInput

DAYS, A_DAY = 20, 300


def turning():
    """Two kinds of people, two candidates; half-way everybody's liking turns."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, DAYS * A_DAY)
    rows = np.tile([0, 1], (len(kind), 1))
    view = View(
        np.eye(2, dtype=np.float32)[kind],
        np.eye(2, dtype=np.float32),
        rows,
        np.ones(rows.shape, bool),
    )
    liked = np.eye(2)[np.where(np.arange(len(kind)) < len(kind) // 2, kind, 1 - kind)]
    return view, 0.1 + 0.5 * liked


def late_earnings(memory):
    view, expected = turning()
    p = nights(Nightly(view, memory, 0.3, 1), view, expected, DAYS, 1)
    np.testing.assert_allclose(p.sum(1), 1)
    earned = (p * expected).sum(1).reshape(DAYS, A_DAY).mean(1)
    assert earned[1 : DAYS // 2].mean() > 0.55  # it learns what is so
    return earned[-5:].mean()


@pytest.mark.parametrize("memory", [Memory(decay=0.6), Memory(window=3)])
def test_who_forgets_follows_tastes_that_turned(memory):
    assert late_earnings(memory) > 0.55
    assert late_earnings(Memory()) < 0.5


def test_a_window_as_long_as_the_run_is_no_window():
    view, expected = turning()
    whole, part = (
        nights(Nightly(view, m, 0.3, 1), view, expected, DAYS, 1)
        for m in (Memory(), Memory(window=DAYS))
    )
    # Newton steps are taken about another level, so they agree nearly.
    assert np.abs(whole - part).mean() < 0.02


@pytest.mark.parametrize("given", [{"decay": 0.0}, {"decay": 1.5}, {"window": 0}, {"days": 1}])
def test_what_cannot_be_measured_is_refused(given):
    with pytest.raises(BadInput, match=f"--{next(iter(given))}"):
        drift(**given)
