"""Logs that intervals are judged on: their truth is what they say, and the table misses nothing."""

import numpy as np
import pytest

from bench.judging.intervals import LEAST, Seen, _coverage
from bench.judging.known_value_logs import LogSetting, known_log


@pytest.mark.parametrize("log", ["even", "near", "explored", "skewed", "rule", "minutes"])
@pytest.mark.parametrize("heavy", [False, True])
def test_weighted_rewards_are_worth_what_the_truth_says(log, heavy):
    ratios = []
    for seed in range(40):
        known = known_log(LogSetting(20_000, 0.15, log, heavy), seed)
        feedback = known.feedback
        ratios.append((feedback.weight * feedback.reward).mean() / known.truth)
    error = np.std(ratios) / np.sqrt(len(ratios))
    assert abs(np.mean(ratios) - 1) < 4 * error
    assert error < 0.06


def test_a_few_profiles_of_a_heavy_log_make_most_decisions():
    known = known_log(LogSetting(5000, 0.05, "even", True), 0)
    _, sizes = np.unique(known.feedback.group, return_counts=True)
    assert np.sort(sizes)[::-1][: len(sizes) // 10].sum() > 0.3 * 5000


def seen(setting, holds, usable=True, made=True):
    return [Seen(setting, "dr", "bootstrap", made, usable, h, 0.1) for h in holds]


def test_the_worst_setting_is_shown_and_a_refused_one_needs_no_coverage():
    good, bad = LogSetting(200, 0.05, "even", False), LogSetting(200, 0.05, "skewed", False)
    covered, missed = seen(good, [True] * 100), seen(bad, [False] * 100)
    row = _coverage("dr, bootstrap", 200, covered + missed)[0]
    assert (row.measured, row.kept) == (0, False)
    assert bad.words() in row.setting
    refused = seen(bad, [False] * 100, usable=False)
    row = _coverage("dr, bootstrap", 200, covered + refused)[0]
    assert row.measured == 1
    assert row.kept
    assert row.nominal == LEAST
    now_and_then = seen(bad, [False] * 10) + refused[:90]
    assert not _coverage("dr, bootstrap", 200, covered + now_and_then)[0].kept


def test_what_has_no_interval_needs_none():
    setting = LogSetting(200, 0.05, "even", False)
    row = _coverage("dm, bootstrap", 200, seen(setting, [False] * 50, made=False))[0]
    assert row.kept
    assert "no interval" in row.setting
