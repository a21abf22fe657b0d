"""Lift over random choice where few takes match."""

from dataclasses import replace

import numpy as np

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.paired_bootstrap import paired_gains
from evaluate.policies.lift import lift_of


def lift(rates, target=(1.0, 0.0), rows=2000):
    rng = np.random.default_rng(0)
    action = rng.integers(0, 2, rows)
    reward = (rng.random(rows) < np.asarray(rates)[action]).astype(float)
    random = dense_feedback(action, reward, np.full(rows, 0.5), np.full((rows, 2), 0.5))
    policy = replace(random, target=np.tile(target, (rows, 1)).ravel())
    gain = paired_gains(PLAIN["snips"](), policy, random, bootstrap=Bootstrap(200))[0]
    return lift_of(gain, policy, random), gain


def test_where_nothing_of_a_policy_was_taken_its_lift_is_not_known_exactly():
    made, gain = lift([0.0, 0.2])
    assert gain.value == (0, 0, 0)
    assert made.value.low == 0 < made.value.high < 0.01
    assert made.relative.value == -1 < made.relative.high
    assert made.difference.low < made.difference.value < made.difference.high < 0


def test_where_nothing_at_all_was_taken_anything_is_possible():
    made, _ = lift([0.0, 0.0])
    assert made.difference.low < 0 < made.difference.high
    assert made.relative.high == np.inf


def test_with_many_takes_it_is_the_paired_gain():
    made, gain = lift([0.3, 0.2])
    assert made == (gain.value, gain.difference, gain.relative)


def test_random_over_itself_is_exactly_nothing():
    made, _ = lift([0.0, 0.001], target=(0.5, 0.5))
    assert made.difference == (0, 0, 0)
