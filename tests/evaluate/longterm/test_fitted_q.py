"""Fitted Q evaluation on members whose state what was done to them moves."""

import numpy as np
import pytest

from evaluate.longterm.fitted_q import Transitions, fitted_q
from evaluate.ope.bootstrap import Bootstrap

DAYS, MEMBERS, KEPT, MOVED = 12, 3000, 0.5, 0.4


def days(target: float, moved: float, seed: int = 1) -> Transitions:
    """State s → KEPT s + moved a + noise, reward s + a; a by a coin, the target by its chance."""
    g = np.random.default_rng(seed)
    state, rows = np.zeros(MEMBERS), []
    for _ in range(DAYS):
        done = g.integers(0, 2, MEMBERS).astype(float)
        rows.append((state, done, state + done + 0.1 * g.normal(size=MEMBERS)))
        state = KEPT * state + moved * done + 0.1 * g.normal(size=MEMBERS)
    states, actions, reward = (np.stack(part, axis=1).ravel() for part in zip(*rows, strict=True))
    at = np.arange(MEMBERS * DAYS)
    last = at % DAYS == DAYS - 1
    one = np.ones(len(at))
    return Transitions(
        at // DAYS,
        np.arange(MEMBERS) * DAYS,
        np.stack([one, states, actions], axis=1),
        np.stack([one, states, target * one], axis=1),
        reward,
        np.where(last, -1, at + 1),
        ~last,
    )


def truth(target: float, moved: float, horizon: int) -> float:
    state = total = 0.0
    for _ in range(horizon):
        total += state + target
        state = KEPT * state + moved * target
    return total


@pytest.mark.parametrize("moved", [0.0, MOVED])
def test_it_finds_what_a_policy_earns_where_today_moves_tomorrow_and_where_not(moved):
    often, seldom = (fitted_q(days(t, moved), 8, Bootstrap(200, 0)) for t in (0.9, 0.3))
    for found, target in ((often, 0.9), (seldom, 0.3)):
        low, high = found.range[1:]
        width = high - low
        assert low - width / 2 <= truth(target, moved, 8) <= high + width / 2
        assert width < 0.2
    gain = often.over(seldom)
    assert gain.value == pytest.approx(2, abs=0.1)
    assert gain.low < gain.value < gain.high
    assert gain.high - gain.low < often.range.high - often.range.low  # the same members


def test_who_has_left_earns_nothing_more():
    stay = days(0.5, MOVED)
    gone = stay._replace(following=np.full_like(stay.following, -1))
    assert fitted_q(gone, 8, Bootstrap(100, 0)).value == pytest.approx(0.5, abs=0.02)
