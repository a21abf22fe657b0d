"""The test of the gate holds its level at the margin and its power at the rows that it asks for."""

import math

import numpy as np
import pytest

from evaluate.gate.non_inferiority import lead
from evaluate.ope.feedback import dense_feedback

MARGIN, TAKE, KINDS = 0.2, 0.3, 5
"""Artwork of `KINDS`; policies show one kind each."""


def logs(rows, worth, runs, seed):
    """Uniform logs of profiles with four decisions each, under two policies.

    Of five kinds of artwork the first is shown by the live policy, the second by the candidate.
    """
    rng = np.random.default_rng(seed)
    takes = np.full(KINDS, TAKE)
    takes[1] = worth * TAKE
    for _ in range(runs):
        action = rng.integers(KINDS, size=rows)
        mood = rng.choice([0.7, 1.3], size=rows // 4 + 1)[np.arange(rows) // 4]
        reward = (rng.random(rows) < mood * takes[action]).astype(float)
        policies = np.eye(KINDS)[:2]
        live, candidate = (
            dense_feedback(
                action,
                reward,
                np.full(rows, 1 / KINDS),
                np.tile(policy, (rows, 1)),
                np.full((rows, KINDS), TAKE),
                np.arange(rows) // 4,
            )
            for policy in policies
        )
        yield lead(candidate, live, MARGIN)


def share(verdicts, word):
    return np.mean([one.verdict == word for one in verdicts])


@pytest.mark.parametrize("rows", [600, 4000])
def test_at_the_margin_one_in_twenty_passes_and_one_in_twenty_is_refused(rows):
    found = list(logs(rows, 1 - MARGIN, 600, 5))
    assert share(found, "passed") < 0.08
    assert share(found, "refused") < 0.08
    assert share(found, "undecided") > 0.8


def test_on_as_many_rows_as_it_asks_for_an_equal_passes_four_times_in_five():
    rows = round(np.mean([one.rows_to_tell for one in logs(2000, 1.0, 40, 6)]))
    assert share(logs(rows, 1.0, 300, 7), "passed") == pytest.approx(0.8, abs=0.08)


def test_what_is_worse_is_refused_and_what_is_better_passes():
    assert share(logs(4000, 0.3, 50, 8), "refused") == 1
    assert share(logs(4000, 1.7, 50, 9), "passed") == 1


@pytest.mark.parametrize(("worth", "rows", "refused"), [(1.0, 2000, 0.0), (0.0, 20_000, 1.0)])
def test_what_a_log_hardly_showed_is_refused_only_where_takes_were_due(worth, rows, refused):
    """Logs of a live policy that explores a tenth, of which the candidate leaves three tenths."""
    rng, verdicts = np.random.default_rng(12), []
    live, candidate = np.eye(KINDS)[[0, 1]]
    for _ in range(60):
        leaves = (rng.random(rows) < 0.3)[:, None]
        action = np.where(rng.random(rows) < 0.1, rng.integers(KINDS, size=rows), 0)
        rate = 0.15 * np.where(leaves[:, 0] & (action == 1), worth, 1.0)
        reward = (rng.random(rows) < rate).astype(float)
        propensity = np.where(action == 0, 0.9 + 0.1 / KINDS, 0.1 / KINDS)
        of, over = (
            dense_feedback(
                action, reward, propensity, target, np.full((rows, KINDS), 0.13), np.arange(rows)
            )
            for target in (np.where(leaves, candidate, live), np.tile(live, (rows, 1)))
        )
        verdicts.append(lead(of, over, 0.05))
    assert share(verdicts, "refused") == pytest.approx(refused, abs=0.02)


def test_without_takes_nothing_is_told_and_without_a_margin_no_log_shows_equality():
    for one in logs(40, 1.0, 5, 10):
        assert one.few_takes
        assert one.verdict == "undecided"
    [one] = logs(2000, 1.0, 1, 11)
    assert one.rows_to_tell < math.inf
    live = dense_feedback(
        np.zeros(50, int), np.zeros(50), np.full(50, 0.5), np.full((50, 2), 0.5), np.zeros((50, 2))
    )
    assert lead(live, live, 0.0).verdict == "passed"
