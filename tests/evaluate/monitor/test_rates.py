"""Alarms ring as seldom as they say, and ring where something is wrong."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from data.check.finding import Limits
from evaluate.monitor.calibration import SUMS_WARN_P, DaySums, check_calibration, sums_p
from evaluate.monitor.decisions import Score, check_decisions, score_p
from evaluate.monitor.drift import Shares, surest_change
from evaluate.monitor.rewards import check_value
from evaluate.monitor.windows import worst_windows


def score(p, rows, rng, drawn=None):
    """Score of a day on which every row has the same probabilities."""
    counts = rng.multinomial(rows, p if drawn is None else drawn)
    log = np.log(p)
    mean = (p * log).sum()
    central = [rows * (p * (log - mean) ** power).sum() for power in (2, 3)]
    return Score(float((counts * log).sum() - rows * mean), *map(float, central))


@pytest.mark.parametrize("p", [[0.975, 0.025], [0.925, 0.025, 0.025, 0.025], [0.995, 0.005]])
def test_true_propensities_warn_at_the_stated_rate(p):
    """Bins of two candidates mirror each other: read as two, one day in 400 was below 1e-4."""
    rng = np.random.default_rng(0)
    found = np.array([score_p([score(np.array(p), 1000, rng)]) for _ in range(20_000)])
    assert (found < 1e-4).sum() <= 6  # of 2; by a normal law the last has 12
    assert (found < 1e-3).mean() <= 0.0015
    assert 0.02 < (found < 0.05).mean() < 0.08


def test_probabilities_that_are_sharper_than_told_show_in_a_week():
    rng, p = np.random.default_rng(1), np.array([0.6, 0.2, 0.1, 0.1])
    sharper = p**1.1 / (p**1.1).sum()
    days = {
        str(date(2026, 1, 1) + timedelta(days=day)): score(p, 2000, rng, sharper)
        for day in range(7)
    }
    alone = [score_p([day]) for day in days.values()]
    week = worst_windows(days, score_p)
    assert week["2026-01-07"].p < 1e-4 < np.median(alone)
    assert week["2026-01-01"].days == 1


def test_a_day_that_is_its_own_alarm_does_not_ring_all_week():
    p, quiet = 1e-9, 0.5
    days = {f"2026-01-0{day}": p if day == 2 else quiet for day in range(1, 8)}
    found = worst_windows(days, min)
    assert [day for day, window in found.items() if window.p < 1e-4] == ["2026-01-02"]


def test_all_windows_that_were_tried_are_paid_for():
    found = worst_windows({f"2026-01-0{day}": 0.01 for day in range(1, 8)}, min)
    assert [round(window.p, 9) for window in found.values()] == [
        0.01,
        0.02,
        0.03,
        0.03,
        0.04,
        0.04,
        0.04,
    ]


def test_a_day_long_ago_is_in_no_window():
    found = worst_windows({"2026-01-01": 0.001, "2026-01-09": 0.5}, min)
    assert found["2026-01-09"] == (0.5, 1)


def takes(rng, days, rows=2000, profiles=500, high=1.0, taste=0.5):
    """Days of right predictions times `high`, where a profile's takes go together."""
    bias = rng.normal(0, taste, profiles)
    found = {}
    for day in range(days):
        profile = rng.integers(0, profiles, rows)
        logit = rng.normal(-1.9, 0.5, rows)
        truth = 1 / (1 + np.exp(-logit - bias[profile]))
        told = high * truth.mean() / (1 / (1 + np.exp(-logit))).mean() / (1 + np.exp(-logit))
        reward = rng.random(rows) < truth
        sums = (np.bincount(profile, x, profiles) for x in (told, reward, told * (1 - told)))
        found[str(date(2026, 1, 1) + timedelta(days=day))] = DaySums(np.arange(profiles), *sums)
    return found


def test_right_predictions_warn_at_the_stated_rate():
    rng = np.random.default_rng(2)
    found = [p.p for _ in range(40) for p in worst_windows(takes(rng, 8), sums_p).values()]
    assert np.mean(np.array(found) < 0.05) <= 0.06
    assert np.sum(np.array(found) < SUMS_WARN_P) <= 2


def test_predictions_a_tenth_too_high_show_in_a_week():
    rng = np.random.default_rng(3)
    worlds = [worst_windows(takes(rng, 7, high=1.12), sums_p) for _ in range(20)]
    found = [min(w.p for w in world.values()) < SUMS_WARN_P for world in worlds]
    assert np.mean(found) >= 0.8


def test_the_lift_over_uniform_is_judged_by_what_differs():
    """A policy that is almost uniform earns almost the same: most of the chance is in both."""
    rng, z = np.random.default_rng(9), []
    chances = np.array([0.3, 0.25, 0.25, 0.2])
    with duckdb.connect() as connection:
        for _ in range(60):
            shown = rng.choice(4, 600, p=chances)
            rows = {
                "day": ["2026-01-01"] * 600,
                "bundle": ["b"] * 600,
                "policy": ["thompson"] * 600,
                "profile_id": [f"p{n}" for n in rng.integers(0, 200, 600)],
                "candidates": [["a", "b", "c", "d"]] * 600,
                "propensity": chances[shown],
                "reward": (rng.random(600) < 0.2).astype(float),
            }
            connection.register("e", pa.table(rows))
            (check,) = check_value(connection, {})
            z.append(stats.norm.ppf(check.p))
    assert 0.8 < np.std(z) < 1.2


@pytest.mark.parametrize("nightly", [False, True])
def test_what_a_week_shows_does_not_hide_behind_a_new_bundle_every_night(nightly):
    """Each bundle has one day, in which none of the three faults shows."""
    rng, n = np.random.default_rng(12), 14_000
    told = np.array([0.55, 0.25, 0.2])
    shown = rng.choice(3, n, p=told**1.1 / (told**1.1).sum())
    day = np.repeat(np.arange(1, 8), n // 7)
    worth = np.array([0.15, 0.17, 0.17])[shown]
    rows = {
        "day": [f"2026-01-0{d}" for d in day],
        "bundle": [f"b{d}" if nightly else "b" for d in day],
        "policy": ["thompson"] * n,
        "profile_id": [f"p{p}" for p in rng.integers(0, 3000, n)],
        "candidates": [["x", "y", "z"]] * n,
        "propensity": told[shown],
        "probabilities": [told.tolist()] * n,
        "chosen": shown + 1,
        "level": ["personalised"] * n,
        "reward": (rng.random(n) < worth).astype(float),
        "predicted_take": worth * 1.12,
    }
    with duckdb.connect() as connection:
        connection.register("e", pa.table(rows))
        connection.register("d", pa.table(rows))
        checks = check_calibration(connection)[0] + check_value(connection, {})
        checks += check_decisions(connection, Limits())
    rung = {(c.name, c.bundle) for c in checks if c.state != "ok"}
    whose = "all" if nightly else "b"
    assert ("takes_of_predicted", whose) in rung
    assert ("propensity_week", whose) in rung
    [lift] = [c for c in checks if (c.name, c.bundle) == ("lift_over_uniform", whose)]
    assert lift.p < 0.05
    assert {c.bundle for c in checks} == (
        {f"b{d}" for d in range(1, 8)} | {"all"} if nightly else {"b"}
    )


def shares(rng, use, of_first):
    counts = rng.binomial(use, of_first)
    return Shares(np.stack([counts, use - counts], 1).astype(float))


@pytest.mark.parametrize("heavy", [False, True])
def test_shares_that_did_not_change_seldom_warn(heavy):
    """Also where a few owners make a tenth of the day each, whose own habits are the shares."""
    rng, found = np.random.default_rng(4), []
    for _ in range(300):
        taste = rng.beta(2, 2, 200)
        rate = np.minimum(rng.pareto(1.1, 200) + 1, 400) if heavy else np.full(200, 5.0)
        days = [shares(rng, rng.poisson(rate) + 1, taste) for _ in range(2)]
        change = surest_change(*days, points=0.02)
        found.append(change is not None and change.p < 0.01)
    assert np.mean(found) <= 0.02


def test_a_change_that_is_too_small_to_matter_is_none():
    reference = Shares(np.array([[50.0, 50.0]] * 1000))
    seen = Shares(np.array([[51.0, 49.0]] * 1000))
    assert surest_change(reference, seen, 0.02) is None
    change = surest_change(reference, seen, 0.005)
    assert change is not None
    assert change.p < 1e-6
