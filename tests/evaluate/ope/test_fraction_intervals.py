"""Intervals of fractions: within [0, 1], never empty, and true where few takes match."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED
from evaluate.ope.feedback import Feedback, dense_feedback
from evaluate.ope.fraction_intervals import Matched, fraction_interval

EVERY = [PLAIN[n]() if n in PLAIN else TUNED[n](DEFAULTS[n]) for n in NAMES]
UNBIASED = ("ips", "snips", "dr", "sndr")
BOOTSTRAP = Bootstrap(200)


def estimates(feedback, names=NAMES, clustered=True) -> dict[str, Estimate]:
    wanted = [e for e in EVERY if e.name in names]
    return estimate_feedback([feedback], wanted, bootstrap=BOOTSTRAP, clustered=clustered)


def log(rows, means, logging, target, seed, rewards=None) -> Feedback:
    """Independent decisions, with one modelled reward for all."""
    rng = np.random.default_rng(seed)
    action = rng.choice(len(means), rows, p=logging)
    reward = (rng.random(rows) < np.asarray(means)[action]).astype(float)
    if rewards is not None:
        reward = rewards(action)
    wide = (rows, len(means))
    chances = np.broadcast_to(np.asarray(target, float), wide).copy()
    modelled = np.full(wide, reward.mean())
    return dense_feedback(action, reward, np.asarray(logging)[action], chances, modelled)


@pytest.mark.parametrize("earned", [0.0, 1.0])
def test_a_policy_that_nothing_speaks_for_has_no_empty_interval(earned):
    """Only the other artwork earned anything, or everything."""
    feedback = log(2000, [0, 0], [0.5, 0.5], [1, 0], 0, lambda a: np.where(a == 0, earned, 0.5))
    for name, e in estimates(feedback, UNBIASED).items():
        assert 0 <= e.low < e.high <= 1, name
    snips = estimates(feedback, ["snips"])["snips"]
    assert snips.value == earned
    # Of so many matching rows without one exception, three in as many are not excluded.
    assert snips.high - snips.low > 3 / 1000


def test_a_policy_that_never_agrees_with_the_log_may_be_worth_anything():
    feedback = log(500, [0.2, 0.3, 0.0], [0.5, 0.5, 0], [0, 0, 1], 0)
    for name, e in estimates(feedback, UNBIASED).items():
        assert (e.low, e.high) == (0, 1), name


@example(rows=1, first=0.0, second=0.0, chance=0.5, wanted=5e-324, seed=0)
@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 60),
    first=st.floats(0, 1),
    second=st.floats(0, 1),
    chance=st.floats(0.02, 0.98),
    wanted=st.floats(0, 1),
    seed=st.integers(0, 9),
)
def test_every_interval_of_a_fraction_lies_within_0_and_1_and_is_not_empty(
    rows, first, second, chance, wanted, seed
):
    feedback = log(rows, [first, second], [chance, 1 - chance], [wanted, 1 - wanted], seed)
    for name, e in estimates(feedback).items():
        if e.interval == "none":
            assert name not in UNBIASED
            continue
        assert 0 <= e.low < e.high <= 1, name
        if not np.isnan(e.value):
            assert e.low <= np.clip(e.value, 0, 1) <= e.high, name


@pytest.mark.parametrize(
    ("rows", "rate", "logging"),
    [
        (300, 0.01, [0.5, 0.5]),
        (1000, 0.005, [0.2, 0.8]),
        (1000, 0.02, [0.1, 0.9]),
        (200, 0.1, [0.05, 0.95]),
        (300, 0.99, [0.5, 0.5]),
    ],
)
def test_intervals_hold_the_truth_where_few_takes_match(rows, rate, logging):
    """Without the binomial interval, logs without a matching take never hold it."""
    held = {name: [] for name in UNBIASED}
    target, means = [0.95, 0.05], [rate, 0.5]
    truth = float(np.dot(target, means))
    for seed in range(80):
        for name, e in estimates(log(rows, means, logging, target, seed), UNBIASED).items():
            held[name].append(e.low <= truth <= e.high)
    for name, inside in held.items():
        assert np.mean(inside) >= 0.91, name  # .95 less two standard errors of 80 logs


def test_plentiful_data_keeps_the_interval_that_it_had():
    matched = Matched.of(np.ones(1000), np.full(1000, 0.3), 1000.0)
    assert not matched.few
    assert fraction_interval(0.3, 0.28, 0.33, matched) == (0.28, 0.33)
    assert fraction_interval(0.01, -0.02, 0.04, matched) == (0.0, 0.04)


@given(st.integers(0, 9), st.integers(10, 500))
def test_with_equal_weights_it_is_clopper_and_pearsons_interval(takes, rows):
    reward = np.zeros(rows)
    reward[:takes] = 1
    matched = Matched.of(np.ones(rows), reward, float(rows))
    exact = stats.binomtest(takes, rows).proportion_ci(0.95, "exact")
    assert matched.interval() == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_a_few_heavy_rows_count_for_few():
    light, heavy = np.ones(1000), np.full(4, 500.0)
    weight = np.concatenate([light, heavy])
    takes = np.concatenate([np.arange(1000) % 5 == 0, np.zeros(4)]) * weight
    matched = Matched.of(weight, takes, float((weight**2).sum()))
    assert matched.few  # 200 light takes say little of where the weight lies
    assert matched.interval()[1] > 0.4


def test_rewards_beyond_1_are_no_fractions():
    feedback = log(500, [0.5, 0.5], [0.5, 0.5], [1, 0], 0, lambda a: 30.0 + a)
    assert estimates(feedback, ["dr"])["dr"].value > 1
    assert estimates(feedback, ["ips"])["ips"].high > 1
