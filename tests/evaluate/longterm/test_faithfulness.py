"""How sure a few experiments make of a proxy. About 1 s."""

import numpy as np
import pytest

from evaluate.longterm.faithfulness import faithfulness

NOISE = 0.3


def judged(rng, cells, correlation, seed):
    """A proxy judged by cells whose true effects go with the goal's so far."""
    proxy = rng.standard_normal(cells)
    goal = correlation * proxy + np.sqrt(1 - correlation**2) * rng.standard_normal(cells)
    error = np.full(cells, NOISE)
    seen = [effect + NOISE * rng.standard_normal(cells) for effect in (proxy, goal)]
    return faithfulness(seen[0], error, seen[1], error, resamples=200, seed=seed)


@pytest.mark.parametrize(("cells", "correlation"), [(5, 0.3), (5, 0.9), (20, 0.9)])
def test_intervals_hold_the_truth_where_cells_are_few(cells, correlation):
    rng = np.random.default_rng(17)
    every = [judged(rng, cells, correlation, seed) for seed in range(80)]
    told = [one for one in every if np.isfinite(one.low)]
    assert len(told) > 50
    held = np.mean([one.low <= correlation <= one.high for one in told])
    assert held > 0.88  # a bootstrap over cells alone held .54 to .83
    if correlation < 0.5:
        assert sum(one.verdict == "faithful" for one in every) <= 3


def test_five_cells_in_a_line_that_noise_could_draw_are_not_called_faithful():
    error = np.full(5, 0.5)
    found = faithfulness(
        np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), error, np.array([-1.6, -1.5, 0.4, 0.9, 1.9]), error
    )
    assert found.correlation == pytest.approx(1.0)
    assert found.low < 0.7
    assert found.verdict == "cannot tell"
