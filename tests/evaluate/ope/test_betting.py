"""Bets on a target's value: intervals that hold at any size of log."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from evaluate.ope.betting import Bets
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import dense_feedback

UNBIASED = ("ips", "snips", "dr", "sndr")


def feedback(rows, seed, rates, logging, target, group=None):
    rng = np.random.default_rng(seed)
    action = rng.choice(len(rates), rows, p=logging)
    reward = (rng.random(rows) < np.asarray(rates)[action]).astype(float)
    wide = np.broadcast_to(np.asarray(target, float), (rows, len(rates))).copy()
    modelled = np.full(wide.shape, reward.mean())
    return dense_feedback(action, reward, np.asarray(logging)[action], wide, modelled, group)


def bet(log) -> dict[str, Estimate]:
    estimators = [PLAIN[name]() for name in (*UNBIASED, "dm")]
    return estimate_feedback([log], estimators, "betting", Bootstrap(100))


@pytest.mark.parametrize(
    ("rows", "rates", "logging", "target"),
    [
        (100, (0.005, 0.1), (0.1, 0.9), (1, 0)),
        (300, (0.3, 0.1), (0.05, 0.95), (0.9, 0.1)),
        (300, (0.97, 0.5), (0.5, 0.5), (1, 0)),
    ],
)
def test_bets_hold_the_truth_however_few_rows_match(rows, rates, logging, target):
    truth = float(np.dot(rates, target))
    held = []
    for seed in range(150):
        ends = bet(feedback(rows, seed, rates, logging, target))["ips"]
        held.append(ends.low <= truth <= ends.high)
    assert np.mean(held) >= 0.95


def test_profiles_are_bet_on_as_wholes():
    """Each profile takes always or never: fifty of them say no more than fifty rows do."""
    rng = np.random.default_rng(0)
    held, widths = [], []
    for seed in range(60):
        group = np.arange(50).repeat(20)
        log = feedback(1000, seed, (0, 0), (0.5, 0.5), (1, 0), group)
        log.reward[:] = (rng.random(50) < 0.4)[group]
        ends = bet(log)["snips"]
        held.append(ends.low <= 0.4 <= ends.high)
        widths.append(ends.high - ends.low)
    assert np.mean(held) >= 0.95
    assert np.mean(widths) > 0.25  # independent rows would have .1


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 80), st.floats(0, 1), st.floats(0.02, 0.98), st.floats(0, 1), st.integers(0, 99)
)
def test_every_unbiased_estimator_has_one_interval_that_holds_it(rows, rate, chance, wanted, seed):
    log = feedback(rows, seed, (rate, 0.5), (chance, 1 - chance), (wanted, 1 - wanted))
    found = bet(log)
    for name in UNBIASED:
        e = found[name]
        assert e.interval == "betting"
        assert 0 <= e.low < e.high <= 1
        if not np.isnan(e.value):
            assert e.low <= np.clip(e.value, 0, 1) <= e.high
    assert found["dm"].interval == "none"


def test_a_take_less_log_bounds_the_value_by_what_could_have_been_seen():
    """Of n even rows among two none is a take: about ln(40) · 2 / n is the most that it may be."""
    rows = np.ones(1000)
    weight = 2.0 * (np.arange(1000) % 2)
    low, high = Bets(rows, weight, np.zeros(1000), 2.0).interval()
    assert low == 0
    assert np.log(40) * 2 / 1000 < high < 2 * np.log(40) * 2 / 1000
    # A weight that was possible and never seen could have carried takes.
    assert Bets(rows, weight, np.zeros(1000), 50.0).interval()[1] > 3 * high


def test_bets_need_fractions():
    log = feedback(50, 0, (0.5, 0.5), (0.5, 0.5), (1, 0))
    log.reward[3] = 40.0
    with pytest.raises(BadInput, match="reach from 0 to 40"):
        bet(log)
