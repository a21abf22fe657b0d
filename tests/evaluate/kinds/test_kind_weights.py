"""Weights of kinds chosen together: right wherever rewards are sums of what they weigh."""

import numpy as np
import pytest

from evaluate.kinds.kind_weights import kind_weights

SIZES = (4, 3, 2)
EVERY = np.stack([axis.ravel() for axis in np.indices(SIZES)], 1)


def chances(g, product: bool):
    if product:
        one, two, three = (g.dirichlet(np.ones(size)) for size in SIZES)
        return np.einsum("a,b,c->abc", one, two, three)
    return g.dirichlet(np.ones(int(np.prod(SIZES)))).reshape(SIZES)


def reward(g, order: int):
    made = np.zeros(SIZES)
    for kind in range(3):
        made += g.normal(size=[s if k == kind else 1 for k, s in enumerate(SIZES)])
        if order == 2:
            made += g.normal(size=[1 if k == kind else s for k, s in enumerate(SIZES)])
    return made


@pytest.mark.parametrize("product", [True, False])
@pytest.mark.parametrize("order", [1, 2])
def test_every_combination_weighed_by_its_chance_gives_the_targets_value(product, order):
    g = np.random.default_rng(order)
    for _ in range(5):
        logged, target = chances(g, product), chances(g, False)
        wide = (np.broadcast_to(each, (len(EVERY), *SIZES)) for each in (logged, target))
        weights = kind_weights(*wide, EVERY, order)
        assert logged.ravel() @ weights == pytest.approx(1)
        earned = reward(g, order)
        truth = (target * earned).sum()
        assert (logged * earned).ravel() @ weights == pytest.approx(truth)
        if order == 1:  # and pairs are beyond it
            paired = reward(g, 2)
            off = (logged * paired).ravel() @ weights - (target * paired).sum()
            assert abs(off) > 1e-3


def test_a_kind_that_is_not_shown_has_one_candidate_and_no_say():
    g = np.random.default_rng(3)
    logged, target = chances(g, True), chances(g, False)
    two = [np.broadcast_to(c.sum(2), (12, 4, 3)) for c in (logged, target)]
    three = [c[..., None] for c in two]
    at = EVERY[::2, :2]
    choice = np.c_[at, np.zeros(12, int)]
    for order in (1, 2):
        np.testing.assert_allclose(
            kind_weights(*three, choice, order), kind_weights(*two, at, order)
        )


def test_what_the_log_never_showed_is_not_judged():
    g = np.random.default_rng(4)
    for product in (True, False):
        logged, target = chances(g, product), chances(g, False)
        logged = logged * np.array([0, 1, 1, 1])[:, None, None]
        pair = (c[None] / c.sum() for c in (logged, target))
        with pytest.raises(ValueError, match="never did"):
            kind_weights(*pair, np.array([[1, 0, 0]]))
    with pytest.raises(ValueError, match="order is 3"):
        kind_weights(logged[None], target[None], np.array([[1, 0, 0]]), 3)
