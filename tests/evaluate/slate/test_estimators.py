"""Estimators of rows have the mean that theory gives them: every possible row is weighed."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from evaluate.slate.estimators import ESTIMATORS
from evaluate.slate.slates import RowModel, Slates
from evaluate.slate.windows import chain_pseudo_inverse, pseudo_inverse

SLOTS, ACTIONS = 4, 3
G = np.random.default_rng(7)


def dirichlet(*shape: int) -> np.ndarray:
    return G.dirichlet(np.full(ACTIONS, 2.0), shape)


class Chain:
    """A policy whose slots read their left neighbour; the slot before the first is action 0."""

    def __init__(self, steps: np.ndarray) -> None:
        self.steps = steps  # slots × left action × action
        self.marginal = [steps[0, 0]]
        for at in range(1, SLOTS):
            self.marginal.append(self.marginal[-1] @ steps[at])

    def step(self, row, at):
        return self.steps[at, row[at - 1] if at else 0, row[at]]

    def prefix(self, row):
        return np.cumprod([self.step(row, at) for at in range(SLOTS)])

    def position(self, row):
        return np.array([self.marginal[at][row[at]] for at in range(SLOTS)])

    def pair(self, row):
        inner = [self.marginal[at][row[at]] * self.step(row, at + 1) for at in range(SLOTS - 1)]
        return np.array([*inner, 0.0])


def alone() -> Chain:
    return Chain(np.repeat(dirichlet(SLOTS)[:, None], ACTIONS, axis=1))


def chained() -> Chain:
    return Chain(dirichlet(SLOTS, ACTIONS))


ROWS = np.array(list(product(range(ACTIONS), repeat=SLOTS)))
OWN = G.normal(size=(SLOTS, ACTIONS))
PAIR = G.normal(size=(SLOTS, ACTIONS, ACTIONS))
BEFORE = G.normal(size=(ACTIONS, ACTIONS))
ALL = G.normal(size=(len(ROWS), SLOTS))
REWARDS = {
    "own": lambda row: np.array([OWN[at, row[at]] for at in range(SLOTS)]),
    "pair": lambda row: np.array(
        [OWN[0, row[0]], *(PAIR[at, row[at - 1], row[at]] for at in range(1, SLOTS))]
    ),
    "before": lambda row: np.array(
        [OWN[at, row[at]] + sum(BEFORE[row[at], row[j]] for j in range(at)) for at in range(SLOTS)]
    ),
    "all": lambda row: ALL[int(np.flatnonzero((row == ROWS).all(1))[0])],
}


def every_row(reward: str, logged: Chain, target: Chain) -> tuple[Slates, np.ndarray, float]:
    """Every possible row once, its probability in the log, and what the target earns."""
    rewards = np.array([REWARDS[reward](row) for row in ROWS])
    chance = np.array([logged.prefix(row)[-1] for row in ROWS])

    def weights(part):
        over = np.array([getattr(target, part)(row) for row in ROWS])
        under = np.array([getattr(logged, part)(row) for row in ROWS])
        return np.divide(over, under, out=np.zeros_like(over), where=under > 0)

    slates = Slates(
        length=np.full(len(ROWS), SLOTS),
        reward=rewards,
        group=np.arange(len(ROWS)),
        slate=weights("prefix")[:, -1],
        position=weights("position"),
        prefix=weights("prefix"),
        pair=weights("pair"),
        model=some_model(target),
    )
    truth = sum(target.prefix(row)[-1] * r.sum() for row, r in zip(ROWS, rewards, strict=True))
    return slates, chance, truth


def some_model(target: Chain) -> RowModel:
    """A model that is wrong, with its exact means under the target."""
    own, rest = G.normal(size=(2, SLOTS, ACTIONS))
    places = np.arange(SLOTS)
    after = [[target.steps[at, row[at - 1] if at else 0] for at in range(SLOTS)] for row in ROWS]
    return RowModel(
        own=own[places, ROWS],
        target=np.tile([target.marginal[at] @ own[at] for at in range(SLOTS)], (len(ROWS), 1)),
        rest=rest[places, ROWS],
        rest_target=(np.array(after) * rest).sum(-1),
    )


RIGHT = [
    *(("sips", reward, log) for reward in REWARDS for log in (alone, chained)),
    ("iips", "own", chained),
    ("rips", "before", chained),
    ("rips", "pair", chained),
    ("pi", "own", alone),
    ("pi2", "own", chained),
    ("pi2", "pair", chained),
]


@pytest.mark.parametrize(("name", "reward", "log"), RIGHT)
def test_an_estimator_is_right_where_it_says_whatever_the_model(name, reward, log):
    slates, chance, truth = every_row(reward, log(), chained())
    robust = "cascade_dr" if name == "rips" else f"{name}_dr"
    for each in (name, robust):
        estimator = ESTIMATORS[each]
        terms = estimator.terms(slates)
        assert float(estimator.value(chance @ terms)) == pytest.approx(truth, abs=1e-9), each
        assert chance @ estimator.weight(slates) == pytest.approx(1, abs=1e-9)


def test_a_prediction_of_whole_rows_leaves_windows_the_rest():
    slates, chance, _ = every_row("pair", alone(), chained())
    far = G.normal(size=len(ROWS))  # of the whole row, and no sum over neighbours
    reward = slates.reward + far[:, None] / SLOTS
    over = slates.slate * chance
    truth = over @ reward.sum(1)
    whole = far, np.full(len(ROWS), over @ far)
    told = replace(slates, reward=reward, model=slates.model._replace(whole=whole))
    value = {}
    for name in ("pi2", "pi2_dr", "sips_dr"):
        estimator = ESTIMATORS[name]
        value[name] = float(estimator.value(chance @ estimator.terms(told)))
    assert abs(value["pi2"] - truth) > 1e-3
    assert value["pi2_dr"] == pytest.approx(truth, abs=1e-9)
    assert value["sips_dr"] == pytest.approx(truth, abs=1e-9)


WRONG = [
    ("iips", "pair", alone),
    ("rips", "all", alone),
    ("pi", "pair", alone),
    ("pi", "own", chained),
    ("pi2", "all", alone),
]


@pytest.mark.parametrize(("name", "reward", "log"), WRONG)
def test_and_wrong_where_what_it_assumes_does_not_hold(name, reward, log):
    slates, chance, truth = every_row(reward, log(), chained())
    estimator = ESTIMATORS[name]
    assert abs(float(estimator.value(chance @ estimator.terms(slates))) - truth) > 1e-3


def test_windows_grow_from_single_slots_to_the_whole_row():
    slates, chance, truth = every_row("pair", chained(), chained())
    np.testing.assert_allclose(chain_pseudo_inverse(slates, 1), pseudo_inverse(slates))
    np.testing.assert_allclose(chain_pseudo_inverse(slates, SLOTS), slates.slate)
    np.testing.assert_allclose(chain_pseudo_inverse(slates, SLOTS + 3), slates.slate)
    for width in (2, 3, 4):
        weight = chain_pseudo_inverse(slates, width)
        assert chance @ (weight * slates.reward.sum(1)) == pytest.approx(truth, abs=1e-9)


def test_a_short_row_among_long_ones_has_its_own_windows():
    slates, _, _ = every_row("pair", chained(), chained())
    short = replace(
        slates,
        length=np.full(len(ROWS), 2),
        reward=slates.reward * [1, 1, 0, 0],
        position=slates.position * [1, 1, 0, 0],
        pair=slates.pair * [1, 0, 0, 0],
    )
    np.testing.assert_allclose(chain_pseudo_inverse(short, 2), slates.pair[:, 0])
    np.testing.assert_allclose(chain_pseudo_inverse(short, 3), slates.pair[:, 0])
    single = replace(short, length=np.ones(len(ROWS), int))
    np.testing.assert_allclose(chain_pseudo_inverse(single, 2), slates.position[:, 0])


def test_a_target_that_is_the_log_earns_what_was_earned():
    policy = chained()
    slates, _, _ = every_row("all", policy, policy)
    for name, estimator in ESTIMATORS.items():
        if not estimator.modelled:
            assert estimator.estimate(slates) == pytest.approx(slates.reward.sum(1).mean()), name


def test_what_the_rows_do_not_say_is_asked_for():
    slates, _, _ = every_row("all", alone(), alone())
    with pytest.raises(ValueError, match="no weights of the pair"):
        ESTIMATORS["pi2"].estimate(replace(slates, pair=None))
    with pytest.raises(ValueError, match="needs a model"):
        ESTIMATORS["pi2_dr"].estimate(replace(slates, model=None))
    assert not ESTIMATORS["sips"].usable(replace(slates, slate=None))
