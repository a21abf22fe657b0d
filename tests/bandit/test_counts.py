"""What an average is worth beside a candidate's own count."""

import numpy as np
import pytest

from bandit.counts import PRIOR_IMPRESSIONS, BetaCounts, prior_strength


@pytest.mark.parametrize("spread", [0.0, 0.03, 0.1])
def test_strength_is_what_candidates_truly_differ_by(spread):
    """Candidates shown unevenly: noise of one take over variance of the truth."""
    rng = np.random.default_rng(3)
    title = np.repeat(np.arange(400), 6)
    level = rng.uniform(0.1, 0.3, 400)
    truth = np.clip(level[title] + spread * rng.normal(size=2400), 0.01, 0.99)
    size = rng.integers(5, 400, 2400).astype(float)
    mean = rng.binomial(size.astype(int), truth) / size
    learnt = prior_strength(size, mean, level * (1 - level), title)
    if spread == 0:
        assert learnt > 2000
        return
    assert learnt == pytest.approx((level * (1 - level)).mean() / spread**2, rel=0.2)
    prior = level[title]
    shrunken = (size * mean + learnt * prior) / (size + learnt)
    for other in (learnt / 4, learnt * 4):
        worse = (size * mean + other * prior) / (size + other)
        assert np.mean((shrunken - truth) ** 2) <= np.mean((worse - truth) ** 2)


def test_strength_of_nothing_shown_is_the_usual_one():
    none = np.zeros(4)
    assert prior_strength(none, none, np.zeros(2), np.array([0, 0, 1, 1])) == PRIOR_IMPRESSIONS


def test_strength_is_its_moments_written_out():
    """One title has no noise, one a single candidate that was shown: neither says anything."""
    title = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 3])
    size = np.array([40.0, 90.0, 0.0, 30.0, 60.0, 50.0, 0.0, 10.0, 70.0, 20.0])
    mean = np.array([0.1, 0.3, 0.9, 0.5, 0.2, 0.4, 0.8, 0.0, 0.3, 0.6])
    noise = np.array([0.18, 0.0, 0.2, 0.21])
    beyond = room = 0.0
    for one in (0, 3):
        rows = [r for r in range(10) if title[r] == one and size[r] > 0]
        whole = sum(size[r] for r in rows)
        centre = sum(size[r] * mean[r] for r in rows) / whole
        scatter = sum(size[r] * (mean[r] - centre) ** 2 for r in rows)
        beyond += scatter / noise[one] - (len(rows) - 1)
        room += whole - sum(size[r] ** 2 for r in rows) / whole
    assert prior_strength(size, mean, noise, title) == pytest.approx(room / beyond)


def test_counts_of_a_row_are_those_of_its_decisions_and_its_prior_is_counted():
    counts = BetaCounts(
        np.array([[3.0, 0.0], [1.0, 5.0]]), np.array([[1.0, 0.0], [7.0, 5.0]]), 2, 6
    )
    assert counts.alpha.tolist() == [[5, 2], [3, 7]]
    assert counts.beta.tolist() == [[7, 6], [13, 11]]
    assert counts.mean.tolist() == [[5 / 12, 2 / 8], [3 / 16, 7 / 18]]
    of = counts.of(np.array([1, 1, 0]))
    assert of.mean.tolist() == [[3 / 16, 7 / 18]] * 2 + [[5 / 12, 2 / 8]]
    assert (of.prior_takes, of.prior_misses) == (2, 6)
