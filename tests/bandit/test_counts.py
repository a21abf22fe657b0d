"""What an average is worth beside a candidate's own count."""

import numpy as np
import pytest

from bandit.counts import PRIOR_IMPRESSIONS, prior_strength


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
