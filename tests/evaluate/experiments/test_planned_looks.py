"""Bounds of planned looks against published tables, and sample ratios that are looked at daily."""

import numpy as np
import pytest

from evaluate.experiments.planned_looks import (
    Walk,
    few_members_bound,
    planned_bounds,
    planned_days,
    spent_alpha,
)
from evaluate.experiments.sample_ratio import sample_ratio_p
from evaluate.experiments.sequential import (
    always_valid_half_width,
    half_width_at_plan,
    planned_tau,
)

HALVES = {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(("looks", "constant"), [(5, 2.04), (14, 2.11), (28, 2.14)])
def test_the_constants_of_obrien_and_fleming_spend_what_they_promise(looks, constant):
    """Jennison and Turnbull (2000), table 2.3: bounds of C · sqrt(K / k)."""
    walk, spent = Walk(), 0.0
    for look in range(1, looks + 1):
        bound = constant * np.sqrt(looks / look)
        spent += walk.crossing(look / looks, bound)
        walk.go_on(look / looks, bound)
    assert spent == pytest.approx(0.05, abs=0.001)


def test_spending_gives_the_bounds_of_lan_and_demets():
    """Reboussin, DeMets, Kim and Lan (2000), five even looks."""
    at = np.arange(1, 6) / 5
    bounds = planned_bounds(at, spent_alpha(at, 0.05))
    np.testing.assert_allclose(bounds, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], atol=2e-3)


def test_bounds_hold_at_uneven_looks_and_where_information_goes_back():
    at = np.array([0.3, 0.5, 0.49, 0.50001, 0.9, 1.3, 1.4])
    bounds = planned_bounds(at, np.maximum.accumulate(spent_alpha(at, 0.05)))
    assert np.isinf(bounds[[2, 3, 6]]).all()  # nothing new, and nothing left to spend
    g = np.random.default_rng(0)
    steps = np.diff([0, *at[[0, 1, 4, 5]]])
    scores = np.cumsum(g.normal(size=(100_000, 4)) * np.sqrt(steps), axis=1)
    crossed = abs(scores) / np.sqrt(at[[0, 1, 4, 5]]) > bounds[[0, 1, 4, 5]]
    assert crossed.any(1).mean() == pytest.approx(0.05, abs=0.003)


def test_few_members_need_a_wider_bound():
    assert few_members_bound(2.0, 1e6) == pytest.approx(2.0, abs=1e-4)
    assert few_members_bound(2.0, 20) > 2.05
    assert np.isinf(few_members_bound(np.inf, 20))


def test_planned_days_end_on_the_last():
    assert planned_days(4, 8) == [2, 4, 6, 8]
    assert planned_days(5, 8)[-1] == 8


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_no_other_tau_is_narrower_at_the_plan(alpha):
    tau = planned_tau(2.5, alpha)
    best = always_valid_half_width(2.5, tau, alpha)
    assert best == pytest.approx(half_width_at_plan(alpha) * np.sqrt(2.5))
    assert all(always_valid_half_width(2.5, tau * by, alpha) > best for by in (0.8, 1.25))


def test_sample_ratios_that_are_looked_at_daily_seldom_cry_wolf():
    g = np.random.default_rng(3)
    stops = 0
    for _ in range(2000):
        arrivals = g.binomial(20, 0.5, 28).cumsum()
        counts = [{"a": int(a), "b": 20 * day - int(a)} for day, a in enumerate(arrivals, 1)]
        stops += sample_ratio_p(counts, HALVES) < 0.01
    assert stops / 2000 <= 0.015


def test_a_lost_member_in_five_is_seen_and_stays_seen():
    assert sample_ratio_p([{"a": 1500, "b": 1200}], HALVES) < 1e-4
    assert sample_ratio_p([{"a": 500, "b": 510}], HALVES) > 0.5
    late = [{"a": 1500, "b": 1200}, {"a": 3000, "b": 3000}]
    assert sample_ratio_p(late, HALVES) < 1e-4
    assert sample_ratio_p([{}], HALVES) == 1
