"""An interval by leaving blocks of profiles out knows of models that were learnt."""

import numpy as np
import pytest

from evaluate.longterm.jackknife import BLOCKS, jackknife_range

DECISIONS = 400
GROUP = np.arange(DECISIONS)


def test_of_a_mean_it_is_the_usual_interval():
    values = np.random.default_rng(0).normal(size=DECISIONS)
    found = jackknife_range(values.mean(), GROUP, lambda keep: float(values[keep].mean()))
    error = values.std(ddof=1) / np.sqrt(DECISIONS)
    assert found.value == values.mean()
    assert found.high - found.value == pytest.approx(found.value - found.low)
    assert 1.5 * error < found.high - found.value < 3 * error


def test_it_holds_what_a_learnt_slope_moves_where_residuals_alone_say_next_to_nothing():
    # The value is a fitted line's far end: its terms, the line taken for given, hardly vary.
    held = 0
    for seed in range(100):
        g = np.random.default_rng(seed)
        x, y = g.normal(size=(2, DECISIONS))

        def far(keep, x=x, y=y):
            return 5 * float(x[keep] @ y[keep] / (x[keep] @ x[keep]))

        found = jackknife_range(far(slice(None)), GROUP, far)
        held += found.low <= 0 <= found.high
    assert held >= 90


def test_whole_profiles_are_left_out_together():
    kept = []

    def value(keep):
        kept.append(keep)
        return float(keep.sum())

    profile = np.repeat(np.arange(100), 4)
    jackknife_range(0.0, profile, value)
    assert len(kept) == BLOCKS
    left = ~np.stack(kept)
    assert (left.sum(0) == 1).all()
    assert all(len(set(block[profile == one])) == 1 for block in left for one in range(100))


def test_one_block_of_profiles_makes_no_interval():
    with pytest.raises(ValueError, match="profiles are too few for an interval"):
        jackknife_range(1.0, np.zeros(9, int), lambda keep: 1.0)
