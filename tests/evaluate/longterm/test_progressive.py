"""Beliefs of long-term rewards: exact where they can be, and blind to what was not yet seen."""

import numpy as np
import pytest

from evaluate.longterm.progressive import (
    belief_of_means,
    delayed_belief,
    first_day_belief,
    oracle_belief,
    progressive_belief,
    seen_days,
)
from evaluate.longterm.trace_prior import TracePrior, learn_prior

DAYS = 6


@pytest.fixture
def prior():
    g = np.random.default_rng(1)
    root, noise = g.normal(size=(2, DAYS, DAYS))
    return TracePrior(
        g.uniform(0.1, 0.5, DAYS), root @ root.T + np.eye(DAYS), noise @ noise.T + np.eye(DAYS)
    )


@pytest.fixture
def traces():
    return np.random.default_rng(2).normal(size=(9, DAYS))


def test_nobody_leaves_the_prior(prior, traces):
    belief = progressive_belief(prior, traces[:0], np.zeros((0, DAYS), bool))
    assert belief.total == pytest.approx((prior.mean.sum(), prior.covariance.sum()))
    nothing = seen_days(np.full(9, 4), 4, DAYS)
    assert progressive_belief(prior, traces, nothing).total == belief.total


def test_whole_traces_give_the_conjugate_posterior(prior, traces):
    belief = progressive_belief(prior, traces, np.ones((9, DAYS), bool))
    precision = np.linalg.inv(prior.covariance) + 9 * np.linalg.inv(prior.noise)
    covariance = np.linalg.inv(precision)
    mean = covariance @ (
        np.linalg.solve(prior.covariance, prior.mean) + np.linalg.solve(prior.noise, traces.sum(0))
    )
    np.testing.assert_allclose(belief.covariance, covariance, atol=1e-10)
    np.testing.assert_allclose(belief.mean, mean, atol=1e-10)


def test_what_came_at_once_tells_of_the_rest_and_is_no_part_of_it(prior):
    # The first number moves the last one's belief; the sum is of the others alone.
    seen = belief_of_means(prior, np.array([1e9]), prior.mean[:1] + 1)
    mean, variance = seen.total_after(1)
    told = prior.covariance[1:, 0].sum() / prior.covariance[0, 0]
    assert mean == pytest.approx(prior.mean[1:].sum() + told, abs=1e-6)
    assert 0 < variance < prior.covariance[1:, 1:].sum()
    assert seen.total_after(0) == seen.total


@pytest.mark.parametrize("noise", ["fixed", "regularized"])
def test_days_to_come_change_nothing(prior, traces, noise):
    start = np.array([0, 0, 1, 1, 2, 3, 5, 6, 9])
    seen = seen_days(start, 4, DAYS)
    assert seen.sum(1).tolist() == [4, 4, 3, 3, 2, 1, 0, 0, 0]
    other = np.where(seen, traces, 77.0)
    for values in (traces, other):
        one = progressive_belief(prior, values, seen, noise)
        np.testing.assert_array_equal(one.mean, progressive_belief(prior, traces, seen, noise).mean)


def test_each_day_of_a_trace_makes_the_belief_surer(prior, traces):
    start = np.zeros(9, int)
    variances = [
        progressive_belief(prior, traces, seen_days(start, day, DAYS)).total[1]
        for day in range(DAYS + 1)
    ]
    assert (np.diff(variances) < 0).all()
    late = delayed_belief(prior, traces, start, DAYS)
    assert late == (prior.mean.sum(), prior.covariance.sum())
    assert delayed_belief(prior, traces, start, DAYS + 1) == oracle_belief(prior, traces, start, 1)
    assert variances[-1] <= oracle_belief(prior, traces, start, 1)[1] + 1e-9


def test_a_first_day_is_judged_by_the_first_day_alone(prior, traces):
    mean, variance = first_day_belief(prior, traces, np.zeros(9, int), 1)
    precision = 1 / prior.covariance[0, 0] + 9 / prior.noise[0, 0]
    assert variance == pytest.approx(1 / precision)
    weighted = prior.mean[0] / prior.covariance[0, 0] + traces[:, 0].sum() / prior.noise[0, 0]
    assert mean == pytest.approx(weighted / precision)


def test_a_prior_is_learnt_back_from_traces_that_it_made(prior):
    g = np.random.default_rng(3)
    item = np.repeat(np.arange(800), 12)
    means = g.multivariate_normal(prior.mean, prior.covariance, 800)
    traces = means[item] + g.multivariate_normal(np.zeros(DAYS), prior.noise, len(item))
    learnt = learn_prior(item, traces)
    np.testing.assert_allclose(learnt.mean, prior.mean, atol=0.5)
    # The mean of twelve traces differs from the artwork's own by a twelfth of their noise.
    expected = prior.covariance + prior.noise / 12
    np.testing.assert_allclose(learnt.covariance, expected, atol=0.12 * expected.max())
    np.testing.assert_allclose(learnt.noise, prior.noise, atol=0.06 * prior.noise.max())


def test_too_little_teaches_no_prior():
    with pytest.raises(ValueError, match="1 artworks teach no prior"):
        learn_prior(np.zeros(4, int), np.ones((4, DAYS)))
    with pytest.raises(ValueError, match="artwork 1 has 1 traces"):
        learn_prior(np.array([0, 0, 1]), np.ones((3, DAYS)))
