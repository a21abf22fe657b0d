"""Differences of policies on the same decisions, whole and in parts."""

import numpy as np
import pytest

from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.paired_bootstrap import paired_gains


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
