"""What a poster adds beyond its outcome is believed as far as it is more than noise."""

import numpy as np

from bench.longterm.decided import shrunk
from bench.longterm.stage import linear


def numbers_and_reward(adds: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = np.concatenate([np.ones((2_000, 1)), rng.standard_normal((2_000, 5))], axis=1)
    return x, x @ np.array([3.0, *[adds] * 4, 2.0]) + rng.standard_normal(2_000)


def test_what_is_noise_is_drawn_to_nothing():
    x, y = numbers_and_reward(0.0)
    found, plain = shrunk(x, y, slice(1, 5)), linear(x, y)
    assert np.abs(found[1:5]).max() < 0.5 * np.abs(plain[1:5]).max()
    assert np.array_equal(found[[0, 5]], plain[[0, 5]])


def test_what_is_told_plainly_stays():
    x, y = numbers_and_reward(1.0)
    assert np.allclose(shrunk(x, y, slice(1, 5)), linear(x, y), rtol=0.01)
