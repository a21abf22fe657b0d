"""LOPE is right where short-term outcomes carry what actions do, and steadier than weights."""

import numpy as np
import pytest

from evaluate.longterm.lope import LongTermLog, lope_terms, lope_weights, surrogate_index
from evaluate.ope.estimators.weighting import ips

ACTIONS, OUTCOMES = 5, 3


def log_of(decisions: int, seed: int) -> tuple[LongTermLog, np.ndarray, float]:
    """A log whose long-term reward depends on the outcome alone; the target; what it earns."""
    g = np.random.default_rng(seed)
    logged, target = np.random.default_rng(0).dirichlet(np.ones(ACTIONS), 2)
    outcome_of = np.random.default_rng(1).dirichlet(np.ones(OUTCOMES), ACTIONS)
    worth = np.array([0.0, 1.0, 3.0])
    action = g.choice(ACTIONS, decisions, p=logged)
    outcome = (outcome_of[action].cumsum(1) < g.random(decisions)[:, None]).sum(1)
    posterior = logged * outcome_of[:, outcome].T
    posterior /= posterior.sum(1, keepdims=True)
    log = LongTermLog(
        action,
        worth[outcome] + g.normal(size=decisions),
        np.tile(logged, (decisions, 1)),
        posterior,
        g.normal(size=(decisions, ACTIONS)),
    )
    return log, np.tile(target, (decisions, 1)), float(target @ outcome_of @ worth)


def test_it_finds_the_value_and_varies_less_than_weights_of_actions():
    values = {"lope": [], "ips": []}
    for seed in range(60):
        log, target, truth = log_of(1500, seed)
        silent = LongTermLog(
            log.action, log.reward, log.logged, log.posterior, np.zeros_like(log.estimated)
        )
        values["lope"].append(lope_terms(silent, target).mean())
        feedback = log.feedback(target)
        values["ips"].append(float(ips().value(ips().terms(feedback).sum(0))))
    error = np.std(values["lope"]) / np.sqrt(60)
    assert abs(np.mean(values["lope"]) - truth) < 4 * error
    assert np.std(values["lope"]) < 0.8 * np.std(values["ips"])


def test_the_logging_policy_itself_has_weight_one_and_needs_no_model():
    log, _, _ = log_of(300, 1)
    np.testing.assert_allclose(lope_weights(log.logged, log.logged, log.posterior), 1)
    silent = LongTermLog(log.action, log.reward, log.logged, log.posterior, 0 * log.estimated)
    assert lope_terms(silent, log.logged).mean() == pytest.approx(log.reward.mean())


def test_an_action_that_was_never_possible_weighs_nothing():
    logged = np.array([[0.5, 0.5, 0.0]])
    weight = lope_weights(np.array([[0.25, 0.25, 0.5]]), logged, logged)
    np.testing.assert_allclose(weight, 0.5)


def test_a_surrogate_index_is_the_mean_of_predictions():
    assert surrogate_index(np.array([1.0, 2.0, 6.0])) == 3.0
