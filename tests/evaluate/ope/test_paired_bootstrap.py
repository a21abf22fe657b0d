"""Differences of policies on the same decisions, whole and in parts."""

import numpy as np
import pytest

from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.paired_bootstrap import Quantity, paired_gains, ranges


def test_gains_in_a_part_are_those_of_the_part_alone():
    rng = np.random.default_rng(2)
    n = 600
    target = rng.dirichlet(np.ones(3), n)
    action, reward = rng.integers(0, 3, n), rng.random(n)
    of = dense_feedback(action, reward, np.full(n, 1 / 3), target)
    over = dense_feedback(action, reward, np.full(n, 1 / 3), np.full((n, 3), 1 / 3))
    part = np.arange(n) < 200
    found = paired_gains(PLAIN["snips"](), of, over, (None, part))
    alone = [
        dense_feedback(action[part], reward[part], np.full(200, 1 / 3), t[part])
        for t in (target, np.full((n, 3), 1 / 3))
    ]
    wanted = paired_gains(PLAIN["snips"](), *alone)[0]
    assert found[1].relative.value == pytest.approx(wanted.relative.value)
    assert found[0].relative.value != pytest.approx(wanted.relative.value)


def test_a_few_groups_with_all_the_influence_give_a_finite_interval():
    """Three of a thousand profiles earned much: resamples without them have next to no spread."""
    little = np.random.default_rng(0).normal(0, 1e-3, 1000)
    sums = np.stack([little, np.ones(1000)], axis=-1)
    sums[:3, 0] = (30.0, 31.0, 29.0)
    mean = Quantity([0, 1], lambda terms: terms[..., 0] / terms[..., 1])
    found = ranges(sums, [mean])[0]
    error = np.sqrt((sums[:, 0] - sums[:, 0].mean()).var() / 1000)
    assert found.low < found.value < found.high
    assert 2 * error < found.high - found.value < 10 * error
